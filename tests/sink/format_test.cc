#include "sink/format.h"

#include <gmock/gmock.h>

#include <string>

#include "sink/sink_site.h"

namespace slurper {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;
using testing::MatchesRegex;

// A sink that formats.
class Formatting : public Sink {
 public:
  explicit Formatting(SinkOptions& options) : format(Format::from(options)) {}
  Result<std::optional<std::uint64_t>> open(const SinkContext&) override { return std::nullopt; }
  Result<Delivery> deliver(std::span<const Record>) override { return Delivery{}; }
  void close() override {}

  Format format;
};

std::unique_ptr<Sink> make_formatting(SinkOptions& options) {
  return std::make_unique<Formatting>(options);
}

// What becomes of `raw`, or of the setting.
std::string formatted(const std::string& format, std::string_view raw) {
  SinkSite site;
  const auto sink = site.make(&make_formatting, {{"format", format}});
  if (!sink) return sink.error().message();
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
  EXPECT_THAT(formatted("jsno", ""),
              HasSubstr("is \"jsno\", but must be one of raw, json, rfc5424, rfc3164, or a"));
  EXPECT_THAT(formatted("", ""), HasSubstr("is \"\", but must be one of"));
  EXPECT_THAT(formatted("\u00fc{hots}", ""),
              HasSubstr("but has no field's name as character 3, 'hots': it must be one of time, arrival, "));
  EXPECT_THAT(formatted("ab{msg", ""),
              HasSubstr("but has a '{' as character 3 that nothing closes: \"{{\" is"));
  EXPECT_THAT(formatted("{msg}}", ""),
              HasSubstr("but has a '}' as character 6 that closes nothing: \"}}\" is"));
  EXPECT_THAT(formatted("{msg}\n", ""),
              HasSubstr("but has a control character as character 6: each record is a"));
}

}  // namespace
}  // namespace slurper
