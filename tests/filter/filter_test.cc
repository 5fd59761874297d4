// What filters want, case by case.
#include "filter/filter.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "filter/filter_site.h"

namespace slurper {
namespace {

using namespace std::string_literals;

constexpr std::string_view kSshd =
    "<38>Nov 21 22:14:15 gate sshd[4711]: Failed password for root from 10.0.0.7 port 22";  // auth.info
constexpr std::string_view kKernel = "<3>Nov 21 22:14:15 gate kernel: I/O error, dev sda";  // kern.err
constexpr std::string_view k5424 =
    "<165>1 2026-11-21T22:14:15.003Z db.example postgres 812 ID47 "
    "[exampleSDID@32473 iut=\"3\" eventSource=\"App \\\"x\\\"\"][origin ip=\"192.0.2.1\"] checkpoint "
    "complete";  // local4.notice
// RFC 5424 section 6.3.5 has such a one; an element of the same name a second time it forbids.
constexpr std::string_view kRepeated =
    "<165>1 2026-11-21T22:14:15Z h p - - [r ip=\"192.0.2.1\" ip=\"192.0.2.129\"][r port=\"514\" "
    "ip=\"192.0.2.7\"] x";
constexpr std::string_view kPlain = "no header at all";

struct Case {
  std::string_view filter;
  std::string_view line;
  bool wanted;
};

std::string doubt_of(std::string_view filter) {
  const auto compiled = RecordFilter::compile(filter, record_fields());
  if (!compiled) return "an error: " + text_of(compiled.error());
  return compiled->warning() ? text_of(*compiled->warning()) : "";
}

TEST(Filter, DoubtsWhatIsNeverTrue) {
  for (
      const auto& [filter, warning] : std::vector<std::pair<const char*, const char*>>{
          {"length > 100 and length < 50",
           "at column 27 this is never true together with the comparison of length before it. If one of them "
           "is enough, join them with or"},
          {"severity >= err and program = x and severity <= crit",
           "at column 49 this is never true together with the comparison of severity before it. The order is "
           "emerg < alert < crit < err < warning < notice < info < debug"},
          {"program = x or severity > debug",
           "at column 27 this is never true: there is no such severity. The order is emerg < alert < crit < "
           "err < warning < notice < info < debug"},
          {"not (program = sshd and program = sudo)",
           "at column 35 this is never true: no program is both sshd and sudo. If one of them is meant, "
           "write "
           "program in (sshd, sudo)"}})
    EXPECT_EQ(doubt_of(filter), warning) << filter;
  for (const char* filter : {"time >= 2026-02-01 and time < 2026-01-01", "length in (1, 2, 3) and length > 3",
                             "severity < emerg", "length = 5 and length = 6",
                             "facility > local7 and msg exists", "host = a and (host = b and host = a)",
                             "offset < -9223372036854775808", "offset > 9223372036854775807"})
    EXPECT_NE(doubt_of(filter), "") << filter;
  for (const char* filter :
       {"length > 50 and length < 52", "length >= 50 and length <= 50", "length > 100 or length < 50",
        "severity <= debug", "severity >= emerg and severity != err", "program = a or program = b",
        "program = a and not program = b", "program = a and program startswith b",
        "sd[a.b] = x and sd[a.b] = y", "length > 100 and not length < 50",
        "(length > 100 or program = x) and length < 50", "length in (1, 9) and length > 5",
        "program = a and program = a", "program != a and program != b"})
    EXPECT_EQ(doubt_of(filter), "") << filter;
}

TEST(Filter, AnswersTheExamples) {
  const std::vector<Case> cases = {
      {"program = sshd", kSshd, true},
      {"program = 'sshd'", kSshd, true},
      {"program=sshd", kSshd, true},
      {"program = ssh", kSshd, false},
      {"program != sshd", kSshd, false},
      {"program != cron", kSshd, true},
      {"program in (cron, sshd, sudo)", kSshd, true},
      {"program in(cron,sudo)", kSshd, false},
      {"pid = 4711", kSshd, true},
      {"host = gate and pid = 4711", kSshd, true},
      {"severity <= warning", kSshd, false},
      {"severity <= warning", kKernel, true},
      {"severity < err", kKernel, false},
      {"severity = err", kKernel, true},
      {"severity = error", kKernel, true},
      {"severity = 3", kKernel, true},
      {"severity > crit", kKernel, true},
      {"severity >= err", kKernel, true},
      {"severity != err", kKernel, false},
      {"severity in (err, crit)", kKernel, true},
      {"facility = kern", kKernel, true},
      {"facility in (auth, authpriv)", kSshd, true},
      {"facility = local4", k5424, true},
      {"msg contains password", kSshd, true},
      {"msg contains Password", kSshd, false},
      {"msg contains \"Failed password for\"", kSshd, true},
      {"msg icontains \"FAILED PASSWORD\"", kSshd, true},
      {"msg icontains fAiLeDx", kSshd, false},
      {"msg startswith Failed", kSshd, true},
      {"msg startswith ailed", kSshd, false},
      {"msg endswith 'port 22'", kSshd, true},
      {"msg endswith 'port 2'", kSshd, false},
      {"msg glob 'Failed * from 10.*'", kSshd, true},
      {"msg glob Failed", kSshd, false},
      {"program glob s?h[a-d]", kSshd, true},
      {"program glob s?h[!a-d]", kSshd, false},
      {"msg matches '^Failed .* port [0-9]+$'", kSshd, true},
      {R"(msg matches \d+\.\d+\.\d+\.\d+)", kSshd, true},
      {R"(msg matches "\\d+\\.7 ")", kSshd, true},
      {"msg matches password", kSshd, true},
      {"msg matches ^password", kSshd, false},
      {"msg matches '(?i)FAILED'", kSshd, true},
      {"msgid = ID47", k5424, true},
      {"sd exists", k5424, true},
      {"sd exists", kSshd, false},
      {"sd contains iut", k5424, true},
      {"sd[exampleSDID@32473.iut] = 3", k5424, true},
      {"sd[origin.ip] startswith 192.0.2.", k5424, true},
      {"sd[\"origin.ip\"] = 192.0.2.1", k5424, true},
      {"sd[origin] = 'ip=\"192.0.2.1\"'", k5424, true},
      {"sd[origin.port] exists", k5424, false},
      {"sd[nothing] exists", k5424, false},
      {R"(sd[exampleSDID@32473.eventSource] = 'App \\"x\\"')", k5424, true},
      {"sd[r.ip] = 192.0.2.1", kRepeated, true},
      {"sd[r.ip] = 192.0.2.129", kRepeated, true},
      {"sd[r.ip] = 192.0.2.7", kRepeated, true},
      {"sd[r.ip] = 192.0.2.2", kRepeated, false},
      {"sd[r.ip] in (192.0.2.2, 192.0.2.129)", kRepeated, true},
      {"sd[r.ip] matches 129$", kRepeated, true},
      {"sd[r.ip] endswith .129", kRepeated, true},
      {"sd[r.ip] exists", kRepeated, true},
      {"sd[r.ip] != 192.0.2.1", kRepeated, false},
      {"sd[r.ip] != 192.0.2.129", kRepeated, false},
      {"sd[r.ip] != 192.0.2.2", kRepeated, true},
      {"sd[r.no] != 192.0.2.2", kRepeated, false},
      {"not sd[r.ip] = 192.0.2.129", kRepeated, false},
      {"sd[r.ip] = 192.0.2.1 and sd[r.ip] = 192.0.2.129", kRepeated, true},
      {"sd[r] contains .7", kRepeated, true},
      {"sd[r] contains port", kRepeated, true},
      {"sd[r.port] = 514", kRepeated, true},
      {"format = rfc5424", k5424, true},
      {"format = rfc3164", kSshd, true},
      {"format = none", kPlain, true},
      {"part = whole", kPlain, true},
      {"raw startswith '<38>'", kSshd, true},
      {"raw = \"no header at all\"", kPlain, true},
      {"msg = \"no header at all\"", kPlain, true},
      {"length = 16", kPlain, true},
      {"length > 0x10", kPlain, false},
      {"length in (1, 16, 4)", kPlain, true},
      {"length > -1", kPlain, true},
      {"offset >= 4096 and offset < 4097", kPlain, true},
      {"time exists", kPlain, false},
      {"time > 2026-11-20 and time < 2026-11-24", kSshd, true},  // in any zone
      {"time = 2026-11-21T22:14:15.003Z", k5424, true},
      {"arrival = 2027-01-15T08:00:00Z", kSshd, true},
      {"arrival < 2027-01-15T09:00:00.000000001+01:00", kSshd, true},
      {"arrival < 2027-01-15T09:00:00+01:00", kSshd, false},
      {"arrival in (2027-01-15T08:00Z)", kSshd, true},
  };
  for (const Case& c : cases) EXPECT_EQ(wants(c.filter, c.line), c.wanted) << c.filter << '\n' << c.line;
}

TEST(Filter, BindsNotBeforeAndBeforeOr) {
  const std::vector<Case> cases = {
      {"program = sshd or program = cron and severity = emerg", kSshd, true},
      {"(program = sshd or program = cron) and severity = emerg", kSshd, false},
      {"not program = cron and severity = info", kSshd, true},
      {"not (program = cron and severity = info)", kSshd, true},
      {"not program = sshd or severity = info", kSshd, true},
      {"not (program = sshd or severity = info)", kSshd, false},
      {"not not program = sshd", kSshd, true},
      {"not not not program = sshd", kSshd, false},
      {"not(program = cron)and(severity = info)", kSshd, true},
      {"not (not program = sshd and not program = cron)", kSshd, true},
      {"severity <= warning and program in (sshd, sudo) and not msg contains \"session opened\"", kSshd,
       false},
      {"severity <= info and program in (sshd, sudo) and not msg contains \"session opened\"", kSshd, true},
  };
  for (const Case& c : cases) EXPECT_EQ(wants(c.filter, c.line), c.wanted) << c.filter;
}

TEST(Filter, HoldsNoComparisonOfAMissingField) {
  for (const char* comparison :
       {"program = x", "program != x", "program contains x", "program icontains x", "program startswith ''",
        "program endswith ''", "program glob *", "program matches ''", "program in ('', x)", "program exists",
        "severity = debug", "severity != debug", "severity < debug", "severity <= debug", "severity > emerg",
        "severity >= emerg", "severity in (0, 1, 2, 3, 4, 5, 6, 7)", "severity exists", "time exists"}) {
    EXPECT_FALSE(wants(comparison, kPlain)) << comparison;
    EXPECT_TRUE(wants("not "s + comparison, kPlain)) << comparison;
  }
  // A message is always there, even an empty one.
  EXPECT_TRUE(wants("msg exists and msg = '' and raw = ''", ""));
}

TEST(Filter, TakesAnyBytes) {
  const std::string line = "<13>Nov 21 22:14:15 h p: a\0b \xff\xfe Gr\xc3\xbc\xc3\x9f"s + "e \x1b[31m";
  EXPECT_TRUE(wants(R"(msg contains "a\x00b")", line));
  EXPECT_FALSE(wants(R"(msg contains "a\x00c")", line));
  EXPECT_TRUE(wants(R"(msg icontains "A\x00B")", line));
  EXPECT_TRUE(wants(R"(msg contains "\xff\xfe")", line));
  EXPECT_TRUE(wants("msg contains Grüße", line));
  EXPECT_TRUE(wants("msg icontains gRüßE", line));
  EXPECT_TRUE(wants(R"(msg startswith "a\x00")", line));
  EXPECT_TRUE(wants(R"(msg endswith "\x1b[31m")", line));
  EXPECT_TRUE(wants(R"(msg in ("", "a\x00b \xff\xfe Grüße \x1b[31m"))", line));
  EXPECT_TRUE(wants(R"(msg glob "a?b*\x1b\\[31m")", line));
}

TEST(Filter, MatchesPatternsOnBytes) {
  const std::string line = "<13>Nov 21 22:14:15 h p: from\xff\0to Gr\xc3\xbc\xc3\xbc\xc3\x9f"s + "e";
  EXPECT_TRUE(wants("msg matches from.*to", line)) << "a byte that is not UTF-8 hides nothing";
  EXPECT_TRUE(wants(R"(msg matches "from\\xff\\x00to")", line));
  EXPECT_TRUE(wants(R"(msg matches "from\xff.to")", line));
  EXPECT_TRUE(wants("msg matches Grü+ß", line)) << "a character is one piece";
  EXPECT_TRUE(wants("msg matches Grü{2}ße$", line));
  EXPECT_FALSE(wants("msg matches Grü{3}", line));
  EXPECT_TRUE(wants("msg matches '(?:ä|ü)ße'", line));
  EXPECT_TRUE(wants("msg matches '(?i)gRü+ßE'", line));
  EXPECT_TRUE(wants("msg matches '(ä|ü)'", line)) << "alternatives that begin with the same byte";
  EXPECT_TRUE(wants("msg matches '^(ä|ü)'", "ü"));
  EXPECT_TRUE(wants(R"(msg matches '\\xc3\\xa4|\\xc3\\xbc')", line));
  // The bytes of ü, c3 bc, are Ã and ¼ in Latin-1: no folding of Ã to ã, e3.
  EXPECT_FALSE(wants("msg matches '(?i)ü'", "<13>Nov 21 22:14:15 h p: \xe3\xbc\x80"));
  EXPECT_TRUE(wants(R"(msg matches '\\Qü+\\E')", "ü+"));
  EXPECT_FALSE(wants(R"(msg matches '\\Qü+\\E')", "üü"));
  EXPECT_TRUE(wants(R"(msg matches '^[]\\]a[:digit:]]+$')", "]]]"));
  EXPECT_TRUE(wants(R"(msg matches '[[:alpha:]]ü')", "xü"));
}

TEST(Filter, FindsInLongListsWhatIsInThem) {
  std::string filter = "program in (";
  std::string numbers = "length in (";
  for (int i = 0; i < 1000; ++i) {
    filter += "program" + std::to_string(i * 2) + ", ";
    numbers += std::to_string(i * 2) + ",";
  }
  filter += "sshd)";
  numbers += "85)";
  EXPECT_TRUE(wants(filter, kSshd));
  EXPECT_FALSE(wants(filter, kKernel));
  EXPECT_TRUE(wants(filter, "<13>Nov 21 22:14:15 h program1998: x"));
  EXPECT_FALSE(wants(filter, "<13>Nov 21 22:14:15 h program1997: x"));
  EXPECT_TRUE(wants(numbers, std::string(84, 'x')));
  EXPECT_TRUE(wants(numbers, std::string(85, 'x')));
  EXPECT_FALSE(wants(numbers, std::string(87, 'x')));
}

// The header is parsed once a filter asks for it, and not before.
TEST(Filter, ParsesNoHeaderThatItNeedsNot) {
  static int parsed;
  const Record::Parser counting = [](std::string_view, Timestamp, SyslogHeader&) { ++parsed; };
  const auto parses = [&](std::string_view filter) {
    parsed = 0;
    const Record record(kSampleLog, 0, 9, "some line", Part::Whole, kSampleArrival, counting);
    (void)RecordFilter::compile(filter, record_fields())->matches(record);
    return parsed;
  };
  EXPECT_EQ(parses("raw contains x or length > 100 or offset = 3 or part = last or arrival < 1970-01-02"), 0);
  EXPECT_EQ(parses("raw contains some or program = x"), 0) << "what need not be asked is not";
  EXPECT_EQ(parses("raw contains x or program = x"), 1);
  EXPECT_EQ(parses("program = x or host = y or msg contains z"), 1);
}

TEST(Filter, KnowsLaterPartsByTheirBytesOnly) {
  const auto filter = RecordFilter::compile("part = middle and not program exists and msg startswith '<13>'",
                                            record_fields());
  ASSERT_TRUE(filter.has_value());
  EXPECT_TRUE(filter->matches(sample_record("<13>Nov 21 22:14:15 h p: ab", Part::Middle)));
  EXPECT_FALSE(filter->matches(sample_record("<13>Nov 21 22:14:15 h p: ab", Part::First)));
}

TEST(Filter, IsSharedByThreads) {
  const auto filter =
      RecordFilter::compile("msg matches 'from (10|192)\\\\.' and program in (sshd, sudo)", record_fields());
  ASSERT_TRUE(filter.has_value());
  std::vector<std::jthread> threads;
  threads.reserve(4);
  std::vector<int> wanted(4);
  for (int& count : wanted) {
    threads.emplace_back([&count, copy = *filter] {
      for (int i = 0; i < 1000; ++i) {
        count += copy.matches(sample_record(kSshd)) ? 1 : 0;
        count += copy.matches(sample_record(kKernel)) ? 100'000 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wanted, std::vector<int>(4, 1000));
}

// The language serves other events with other fields.
struct Syscall {
  std::string_view name;
  std::int64_t result;
  std::vector<std::string> arguments;
};

TEST(Filter, ServesOtherEvents) {
  static constexpr std::array kFields = {
      with_accessor<Syscall, [](const Syscall& s) { return TextValue(s.name); }>(
          {.name = "evt.type", .help = "what"}),
      with_accessor<Syscall, [](const Syscall& s) { return NumberValue(s.result); }>(
          {.name = "evt.res", .type = FieldType::Number, .help = "how it went"}),
      with_accessor<Syscall,
                    [](const Syscall& s, std::string_view argument) {
                      const auto i = static_cast<std::size_t>(argument.front() - '0');
                      return i < s.arguments.size() ? TextValue(s.arguments[i]) : std::nullopt;
                    }>({.name = "evt.arg", .help = "its arguments", .argument = "0"}),
  };
  const FieldsOf<Syscall> fields{kFields};
  const auto filter = Filter<Syscall>::compile(
      "evt.type in (open, openat) and evt.res < 0 and evt.arg[1] glob /etc/*", fields);
  ASSERT_TRUE(filter.has_value());
  EXPECT_TRUE(filter->matches({"openat", -13, {"-100", "/etc/shadow"}}));
  EXPECT_FALSE(filter->matches({"openat", 3, {"-100", "/etc/shadow"}}));
  EXPECT_FALSE(filter->matches({"openat", -13, {"-100"}}));
  EXPECT_EQ(test::text_of(Filter<Syscall>::compile("evt.typ = x", fields).error().advice),
            "Did you mean 'evt.type'?");
  // As in sysdig: evt.dir=>
  EXPECT_TRUE(Filter<Syscall>::compile("evt.type=>", fields)->matches({">", 0, {}}));
}

}  // namespace
}  // namespace slurper
