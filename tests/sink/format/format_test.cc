#include "sink/format/format.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sink/sink_site.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using namespace std::string_view_literals;
using testing::HasSubstr;
using testing::MatchesRegex;

// A sink that formats.
class Formatting : public Sink {
 public:
  explicit Formatting(SinkOptions& options) : format(Format::from(options)) {}
  Result<std::optional<Reached>> open(const SinkContext&) override { return std::nullopt; }
  Status deliver(std::span<const Record>) override { return {}; }
  void close() override {}

  Format format;
};

constexpr std::array kSettings = {kFormatSetting};
constexpr SinkType kFormatting = {
    .name = "formatting", .help = "nowhere", .make = &make_sink_of<Formatting>, .settings = kSettings};

// What becomes of `raw`, or of the setting.
std::string formatted(const std::string& format, std::string_view raw) {
  SinkSite site;
  const auto sink = site.make(kFormatting, {{"format", format}});
  if (!sink) return text_of(sink.error());
  std::string out;
  const Record record(site.context().log_id, 5, 9, raw, Part::Whole, Timestamp(std::chrono::seconds(1)),
                      [](std::string_view line, Timestamp, SyslogHeader& header) {
                        header.message = line;
                        header.facility = 10;
                        header.severity = 3;
                        header.program = "su\ndo";
                      });
  static_cast<const Formatting&>(**sink).format.append(record, out);
  return out;
}

TEST(FormatTest, RawIsAsItCame) {
  EXPECT_EQ(formatted("raw", "a\0b\x1b\xff\r"sv), "a\0b\x1b\xff\r\n"sv);
}

TEST(FormatTest, TheNamedOnes) {
  EXPECT_THAT(formatted("json", "x"), MatchesRegex(R"(\{"program":"su\\u000ado".*"offset":5\}.)"));
  EXPECT_THAT(formatted("rfc5424", "x\x1b"),
              MatchesRegex(R"(<83>1 1970-01-01T00:00:01\.000000Z [^ ]+ su\?do - - \[slurper@.*\] x#033.)"));
  EXPECT_THAT(formatted("rfc3164", "x\x1b"), MatchesRegex("<83>... .. ..:..:.. [^ ]+ su.do: x#033."));
}

TEST(FormatTest, ATemplate) {
  EXPECT_EQ(formatted("{{{time}}} {arrival}\t{host}/{program}[{pid}]", ""),
            "{1970-01-01T00:00:01.000000Z} 1970-01-01T00:00:01.000000Z\t-/su#012do[-]\n");
  EXPECT_EQ(formatted("{facility}.{severity} {msgid} {sd} {part}", ""), "authpriv.err - - whole\n");
  EXPECT_EQ(formatted("{offset} {log_id}", ""), "5 07070707-0707-0707-0707-070707070707\n");
  EXPECT_EQ(formatted("{msg}|{raw}", "a\tb\r\x1b[1m\xc3\xbc"),
            "a\tb#015#033[1m\xc3\xbc|a\tb#015#033[1m\xc3\xbc\n");
}

TEST(FormatTest, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_THAT(
      formatted("jsno", ""),
      HasSubstr(
          "is \"jsno\", but must be one of raw, json, rfc5424, rfc3164, gelf, ecs, or a template such as "
          "\"{time} {host}: {msg}\""));
  EXPECT_THAT(formatted("a {msg:jsno}", ""),
              HasSubstr("but has an unknown escape ':jsno' as character 7; the only one is :json"));
  EXPECT_THAT(formatted("", ""), HasSubstr("is \"\", but must be one of"));
  EXPECT_THAT(formatted("\u00fc{hots}", ""),
              HasSubstr("but has an unknown field 'hots' as character 3; did you mean 'host'?"));
  EXPECT_THAT(
      formatted("ab{msg", ""),
      HasSubstr(
          "but has a '{' as character 3 that nothing closes; for the character itself, write it twice"));
  EXPECT_THAT(
      formatted("{msg}}", ""),
      HasSubstr("but has a '}' as character 6 that nothing opens; for the character itself, write it twice"));
  EXPECT_THAT(formatted("{msg}\n", ""),
              HasSubstr("but has a control character as character 6: each record is one line, and"));
}

TEST(FormatTest, ATemplateOfJson) {
  const std::string format =
      R"({{"who":"{program:json}","n":{offset:json},"m":"{msg:json}","r":"{raw:json}"}})";
  const std::string hostile = "a \"quote\", \\ and \x1b\t\xff\xc3\xbc}";
  const auto read = nlohmann::json::parse(formatted(format, hostile), nullptr, false);
  ASSERT_FALSE(read.is_discarded());
  EXPECT_EQ(read["who"], "su\ndo");
  EXPECT_EQ(read["n"], 5);
  EXPECT_EQ(read["m"], "a \"quote\", \\ and \x1b\t\xef\xbf\xbd\xc3\xbc}");
  EXPECT_EQ(read["m"], read["r"]);
}

// What people write first is refused with what they mean, and that is accepted without a doubt.
TEST(FormatTest, JsonWithItsOwnBracesIsShownTheRightSpelling) {
  for (const auto& [wrong, right] : std::vector<std::pair<std::string, std::string>>{
           {R"({"message":"{msg}"})", R"({{"message":"{msg:json}"}})"},
           {R"({ "t": "{time}", "a": {"b": "{host}", "n": {offset}}})",
            R"({{ "t": "{time}", "a": {{"b": "{host:json}", "n": {offset}}}}})"},
           {R"({"message":"{msg:json}"})", R"({{"message":"{msg:json}"}})"}}) {
    EXPECT_THAT(formatted(wrong, ""),
                HasSubstr("but must be written as '" + right + "': each brace of JSON is doubled, and"));
    const auto read = nlohmann::json::parse(formatted(right, "x\"y"), nullptr, false);
    EXPECT_FALSE(read.is_discarded()) << right;
    EXPECT_EQ(lint_json(right), std::nullopt) << right;
  }
  EXPECT_THAT(formatted(R"({"message":"{mesage}"})", ""),
              HasSubstr("has an unknown field '\"message\":\"{mesage' as character 2"));
}

TEST(FormatTest, JsonWithoutEscapesIsDoubted) {
  EXPECT_EQ(text_of(lint_json(R"({{"h":"{host}","m":"{msg:json}","o":{offset}}})").value()),
            R"(looks like JSON, which a quote or a backslash in a field breaks. Write )"
            R"('{{"h":"{host:json}","m":"{msg:json}","o":{offset}}}', or "json" for the whole line)");
  for (const char* none : {"{time} {msg}", R"({{"t":"{time}","n":{offset},"l":"{log_id}","p":"{part}"}})",
                           R"({{msg}} "{msg}")", R"(<{{"{msg}"}}>)"})
    EXPECT_EQ(lint_json(none), std::nullopt) << none;
}

// A record of `line` as it is read, at offset 5.
nlohmann::json parsed(const std::string& format, std::string_view line, Part part = Part::Whole) {
  SinkSite site;
  const auto sink = site.make(kFormatting, {{"format", format}});
  if (!sink) return text_of(sink.error());
  const Timestamp arrival(std::chrono::microseconds(1'800'000'000'000'042));
  const LogId& log_id = site.context().log_id;
  std::string out;
  const auto append = [&](const Record& record) {
    static_cast<const Formatting&>(**sink).format.append(record, out);
  };
  if (part == Part::Middle) {
    SyslogHeader header;
    parse_syslog_header("<34>1 2003-10-11T22:14:15.003Z web1 su 77 - - x", arrival, header);
    append(Record(log_id, 5, 9, line, part, arrival, header));
  } else {
    append(Record(log_id, 5, 9, line, part, arrival, &parse_syslog_header));
  }
  EXPECT_EQ(std::ranges::count(out, '\n'), 1) << out;
  EXPECT_TRUE(out.ends_with('\n'));
  return nlohmann::json::parse(out, nullptr, false);
}

constexpr std::string_view kFull =
    R"(<34>1 2003-10-11T22:14:15.003Z web1 su 77 ID47 [a@1 b="c"] 'su root' "failed" \ )"
    "\x1b";

TEST(FormatTest, GelfHasEveryFieldInItsType) {
  EXPECT_EQ(parsed("gelf", kFull), nlohmann::json::parse(R"({
    "version": "1.1", "host": "web1", "short_message": "'su root' \"failed\" \\ \u001b",
    "timestamp": 1065910455.003, "level": 2, "_facility": "auth", "_program": "su", "_pid": "77",
    "_msgid": "ID47", "_sd": "[a@1 b=\"c\"]", "_arrival": 1800000000.000042,
    "_log_id": "07070707-0707-0707-0707-070707070707", "_offset": 5})"));
}

TEST(FormatTest, GelfOfALineThatSaysNothing) {
  nlohmann::json read = parsed("gelf", "plain");
  EXPECT_EQ(read["host"], machine_name());
  read.erase("host");
  EXPECT_EQ(read, nlohmann::json::parse(R"({
    "version": "1.1", "short_message": "plain", "timestamp": 1800000000.000042, "level": 5,
    "_arrival": 1800000000.000042, "_log_id": "07070707-0707-0707-0707-070707070707", "_offset": 5})"));
  EXPECT_EQ(parsed("gelf", "")["short_message"], "-");  // an empty one is refused
  EXPECT_EQ(parsed("gelf", "x\xff")["_raw_base64"], "eP8=");
  const nlohmann::json part = parsed("gelf", "rest", Part::Middle);
  EXPECT_EQ(part["_part"], "middle");
  EXPECT_EQ(part["_program"], "su");
  EXPECT_EQ(part["level"], 2);
}

TEST(FormatTest, EcsHasEveryFieldInItsType) {
  EXPECT_EQ(parsed("ecs", kFull), nlohmann::json::parse(R"({
    "@timestamp": "2003-10-11T22:14:15.003000Z", "ecs": {"version": "8.11.0"},
    "message": "'su root' \"failed\" \\ \u001b", "host": {"name": "web1"}, "process": {"name": "su", "pid": 77},
    "log": {"level": "crit", "syslog": {"priority": 34, "facility": {"code": 4, "name": "auth"},
            "severity": {"code": 2, "name": "crit"}, "appname": "su", "procid": "77", "msgid": "ID47"}},
    "event": {"created": "2027-01-15T08:00:00.000042Z", "sequence": 5},
    "slurper": {"sd": "[a@1 b=\"c\"]", "log_id": "07070707-0707-0707-0707-070707070707", "offset": 5}})"));
}

TEST(FormatTest, EcsOfALineThatSaysNothing) {
  EXPECT_EQ(parsed("ecs", ""), nlohmann::json::parse(R"({
    "@timestamp": "2027-01-15T08:00:00.000042Z", "ecs": {"version": "8.11.0"}, "message": "",
    "event": {"created": "2027-01-15T08:00:00.000042Z", "sequence": 5},
    "slurper": {"log_id": "07070707-0707-0707-0707-070707070707", "offset": 5}})"));
  EXPECT_EQ(parsed("ecs", "x\xff")["slurper"]["raw_base64"], "eP8=");
  const nlohmann::json part = parsed("ecs", "rest", Part::Middle);
  EXPECT_EQ(part["slurper"]["part"], "middle");
  EXPECT_EQ(part["process"]["name"], "su");
  // A number is what it is for Elasticsearch; what is none has a place as a text.
  const nlohmann::json worker = parsed("ecs", "<34>1 - - - worker-7 - - x");
  EXPECT_FALSE(worker.contains("process"));
  EXPECT_EQ(worker["log"]["syslog"]["procid"], "worker-7");
  EXPECT_FALSE(parsed("ecs", "<34>1 - - - 077 - - x").contains("process"));
}

}  // namespace
}  // namespace slurper
