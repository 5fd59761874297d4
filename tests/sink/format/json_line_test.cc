#include "sink/format/json_line.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using nlohmann::json;
using std::chrono::sys_days;

constexpr Timestamp kArrival = sys_days(std::chrono::year(2026) / 11 / 2) + 22h + 14min + 15s + 3'004'005ns;
constexpr LogId kLog = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                        0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

SyslogHeader found;  // what the parser of the record under test finds

Record record(const SyslogHeader& header, std::string_view raw, Part part = Part::Whole) {
  found = header;
  return {kLog, 123, 200, raw, part, kArrival, [](std::string_view, Timestamp, SyslogHeader& parsed) {
            parsed = found;
          }};
}

std::string line_of(std::string_view message) {
  SyslogHeader header;
  header.message = message;
  std::string out;
  append_json(record(header, message), out);
  return out;
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string data;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kDigits.find(c));
    count += 6;
    if (count >= 8) data += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return data;
}

// What must hold of every line; returns it, read back.
json checked(std::string_view line) {
  EXPECT_TRUE(is_utf8(line));
  for (const char c : line) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  return json::parse(line);
}

TEST(JsonLineTest, EveryField) {
  SyslogHeader header;
  header.facility = 4;
  header.severity = 2;
  header.timestamp = sys_days(std::chrono::year(2003) / 10 / 11) + 22h + 14min + 15s + 3ms;
  header.host = "host";
  header.program = "su";
  header.pid = "77";
  header.message_id = "ID47";
  header.structured_data = R"([a@1 x="]\"]"])";
  header.message = "'su root' failed";
  std::string out = "before";
  append_json(record(header, "raw", Part::First), out);
  EXPECT_EQ(
      out,
      R"(before{"time":"2003-10-11T22:14:15.003000Z","host":"host","program":"su","pid":"77","msgid":"ID47",)"
      R"("facility":"auth","severity":"crit","sd":"[a@1 x=\"]\\\"]\"]","msg":"'su root' failed",)"
      R"("part":"first","arrival":"2026-11-02T22:14:15.003004005Z",)"
      R"("log_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","offset":123})");
  EXPECT_EQ(checked(out.substr(6))["sd"], header.structured_data);
}

TEST(JsonLineTest, WhatARecordDoesNotSayIsNotThere) {
  EXPECT_EQ(line_of("hello"), R"({"msg":"hello","arrival":"2026-11-02T22:14:15.003004005Z",)"
                              R"("log_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","offset":123})");
  EXPECT_EQ(checked(line_of(""))["msg"], "");
}

TEST(JsonLineTest, EveryCharacterAtEveryPlaceIsReadBack) {
  const std::vector<std::string_view> characters = {
      "\0"sv,   "\x01",   "\t",     "\r",     "\x1b",       "\x1f",       "\"",
      "\\",     "/",      "\x7f",   "\u0080", "\u0085",     "\u009f",     "\u00a0",
      "\u00fc", "\u2028", "\u2029", "\uffff", "\U0001f600", "\U0010ffff", "\x1b[31m\x07"};
  for (const std::string_view character : characters) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (const std::size_t behind : {0U, 1U, 7U, 8U, 9U}) {
        std::string message(before, 'x');
        message.append(character).append(std::string(behind, 'y'));
        const json read = checked(line_of(message));
        ASSERT_EQ(read["msg"], message);
        ASSERT_FALSE(read.contains("raw_base64"));
      }
    }
  }
}

TEST(JsonLineTest, WhatIsNotUtf8IsKept) {
  const std::vector<std::string_view> wrong = {
      "\xff", "\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f", "\xc2"};
  for (const std::string_view bytes : wrong) {
    for (std::size_t before = 0; before < 12; ++before) {
      const std::string message = std::string(before, 'x').append(bytes).append("y\"");
      const json read = checked(line_of(message));
      ASSERT_THAT(read["msg"].get<std::string>(), testing::HasSubstr("\ufffd"));
      ASSERT_EQ(from_base64(read["raw_base64"].get<std::string>()), message);
    }
  }
  EXPECT_EQ(json::parse(line_of("\xc3x"))["msg"], "\ufffdx");
}

TEST(JsonLineTest, AnyBytesMakeAValidLineThatIsReadBack) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 5000; ++round) {
    std::string message(random() % 100, '\0');
    for (char& c : message) c = static_cast<char>(random() % 4 == 0 ? random() % 256 : 'a' + random() % 26);
    const json read = checked(line_of(message));
    if (is_utf8(message)) {
      ASSERT_EQ(read["msg"], message);
    } else {
      ASSERT_EQ(from_base64(read["raw_base64"].get<std::string>()), message);
    }
  }
}

// The room that is made for a line is for the worst that can come.
TEST(JsonLineTest, TheLongestLines) {
  for (const std::string_view worst : {"\x01"sv, "\xff"sv, "\u2028"sv, "\""sv}) {
    std::string message;
    while (message.size() < std::size_t{64} << 10) message += worst;
    EXPECT_EQ(checked(line_of(message)).contains("raw_base64"), worst == "\xff");
  }
}

}  // namespace
}  // namespace slurper
