#include "sink/dead_letter.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "record/syslog_header.h"
#include "sink/dead_letters.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::ElementsAre;

constexpr Timestamp kArrival{std::chrono::milliseconds(1'700'000'000'123)};

std::string letter_of(std::string_view raw, std::string_view reason = "it is bad") {
  const LogId log{7};
  const Record record(log, 10, 10 + raw.size() + 1, raw, Part::Whole, kArrival, &parse_syslog_header);
  return format_dead_letter("mail", record, reason);
}

std::string without_newline(std::string text) {
  EXPECT_TRUE(text.ends_with('\n'));
  text.pop_back();
  return text;
}

TEST(DeadLetter, HasAllBytesOfTheLine) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') all += static_cast<char>(byte);
  }
  for (const std::string& line :
       {std::string(), std::string("<13>Oct 11 22:14:15 host prog[7]: hello"), std::string("\0", 1),
        std::string("quote \" backslash \\ tab \t escape \x1b delete \x7f"),
        std::string("caf\u00e9 \u0085 \u2028 \U0001f600"), std::string("a\xff"), std::string("ab\xff"),
        std::string("abc\xff"), all,
        std::string(
            R"({"sink":"x","reason":"y","line":"z","record":{"arrival":"2001-01-01T00:00:00.000Z"}})")}) {
    const std::string text = without_newline(letter_of(line, "with \"quotes\""));
    const auto letter = parse_dead_letter(text);
    ASSERT_TRUE(letter) << text;
    EXPECT_EQ(letter->line, line);
    EXPECT_EQ(letter->arrival, kArrival) << text;
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  }
}

TEST(DeadLetter, IsReadAsItWasWritten) {
  EXPECT_EQ(letter_of("hello"),
            R"({"sink":"mail","reason":"it is bad","line":"hello","record":{"msg":"hello",)"
            R"("arrival":"2023-11-14T22:13:20.123000Z","log_id":"07000000-0000-0000-0000-000000000000",)"
            R"("offset":10}})"
            "\n");
  EXPECT_TRUE(letter_of("\xff").contains(R"("line_base64":"/w==","record":{)")) << letter_of("\xff");
}

// What a crash cut short, and what others wrote.
TEST(DeadLetter, WhatIsNoneIsNotUnderstood) {
  const std::string whole = without_newline(letter_of("hello \\ there\t"));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_dead_letter(std::string_view(whole).substr(0, size))) << size;
  for (const char* text : {"hello", "{}", R"({"sink":"a","reason":"b","record":{}})",
                           R"({"sink":"a","reason":"b","line":"a\nb","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u000a","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u00g0","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u+0a0","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"a","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"ab=c","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"====","record":{}})",
                           R"({"sink":"a","reason":"b","line":"c","more":{}})"})
    EXPECT_FALSE(parse_dead_letter(text)) << text;
  EXPECT_FALSE(parse_dead_letter(R"({"sink":"a","reason":"b","line":"c","record":{}})")->arrival);
}

class DeadLetterFile : public testing::Test {
 protected:
  DeadLetters letters(Os& os = kernel()) {
    return {os, path_, {}, [](const Phrase& phrase) { return test::text_of(phrase); }};
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "letters";
};

// `slurper replay` moves the file away between two of them.
TEST_F(DeadLetterFile, FollowThePath) {
  DeadLetters writer = letters();
  ASSERT_TRUE(writer.append_line("one\n"));
  std::filesystem::rename(path_, path_ + ".moved");
  ASSERT_TRUE(writer.append_line("two\n"));
  std::filesystem::remove(path_);
  ASSERT_TRUE(writer.append_line("three\n"));
  EXPECT_EQ(test::read_file(path_ + ".moved"), "one\ntwo\n");
  EXPECT_EQ(test::read_file(path_), "three\n");
}

// It is moved after the write: the process that moved it may have read it before.
TEST_F(DeadLetterFile, WhatWasWrittenToAFileThatMovesIsWrittenAgain) {
  class Moves : public Os {
   public:
    explicit Moves(std::string path) : path_(std::move(path)) {}
    ssize_t write(int fd, const void* data, std::size_t size) override {
      const ssize_t written = Os::write(fd, data, size);
      if (times > 0 && --times >= 0) std::filesystem::rename(path_, path_ + ".moved");
      return written;
    }
    int times = 1;

   private:
    std::string path_;
  };
  Moves os(path_);
  DeadLetters writer = letters(os);
  ASSERT_TRUE(writer.append_line("one\n"));
  EXPECT_EQ(test::read_file(path_ + ".moved"), "one\n");
  EXPECT_EQ(test::read_file(path_), "one\n");
  os.times = 1000;
  const Status written = writer.append_line("two\n");
  ASSERT_FALSE(written);
  EXPECT_EQ(test::text_of(written.error()),
            "cannot write to the dead letters '" + path_ +
                "': it is replaced again and again. Find out which process does it");
}

}  // namespace
}  // namespace slurper
