#include "cli/syslogd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/program.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Level = Finding::Level;

constexpr const char* kFifo = "/run/slurper/fifo";

template <typename Text>
auto ok(const Text& text) {
  return AllOf(
      Field(&Finding::level, Level::Ok),
      Field(&Finding::phrase, testing::ResultOf([](const Phrase& phrase) { return text_of(phrase); }, text)));
}
template <typename Text>
auto warning(const Text& text) {
  return AllOf(
      Field(&Finding::level, Level::Warning),
      Field(&Finding::phrase, testing::ResultOf([](const Phrase& phrase) { return text_of(phrase); }, text)));
}

Findings rsyslog(std::string_view text) {
  return check_rsyslog(text, "x.conf", kFifo);
}
Findings syslog_ng(std::string_view text) {
  return check_syslog_ng(text, "x.conf", kFifo);
}
Findings syslog_conf(std::string_view text) {
  return check_syslog_conf(text, "x.conf", kFifo);
}

TEST(Rsyslog, WarnsOfTheDefaults) {
  EXPECT_THAT(
      rsyslog("\n*.* action(type=\"ompipe\" pipe=\"/run/slurper/fifo\")\n"),
      ElementsAre(warning(AllOf(HasSubstr("action at x.conf:2 loses lines"),
                                HasSubstr("Add to it: queue.type=\"LinkedList\" "
                                          "action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\"")))));
}

TEST(Rsyslog, TakesCareAsEnough) {
  EXPECT_THAT(rsyslog(R"(if $programname != "slurper" then {
  Action ( Type="ompipe" name="slurper" # a comment with ) in it
           pipe="/var/run/slurper//fifo" template="a=b"
           queue.type="LinkedList" queue.size = "200000"
           action.ResumeRetryCount="-1" action.resumeInterval='1' )
})"),
              ElementsAre(ok(HasSubstr("action at x.conf:2 keeps its lines"))));
}

TEST(Rsyslog, NamesOnlyWhatIsMissing) {
  EXPECT_THAT(rsyslog(R"(action(type="ompipe" pipe="/run/slurper/fifo" queue.type="Direct"
                                action.resumeRetryCount="-1" action.resumeInterval="1"))"),
              ElementsAre(warning(AllOf(HasSubstr("Add to it: queue.type"), Not(HasSubstr("RetryCount"))))));
  EXPECT_THAT(rsyslog(R"(action(type="ompipe" pipe="/run/slurper/fifo" queue.type="disk"
                                action.resumeRetryCount="3" action.resumeInterval="1"))"),
              ElementsAre(warning(HasSubstr("Add to it: action.resumeRetryCount=\"-1\""))));
}

TEST(Rsyslog, ReadsTheOldForm) {
  EXPECT_THAT(rsyslog("auth.* /var/log/auth\n*.*\t|/run/slurper/fifo;RSYSLOG_FileFormat\n"),
              ElementsAre(warning(AllOf(HasSubstr("x.conf:2"),
                                        HasSubstr("$ActionQueueType LinkedList; $ActionResumeRetryCount -1; "
                                                  "$ActionResumeInterval 1")))));
  EXPECT_THAT(rsyslog("$ActionQueueType LinkedList\n$ActionResumeRetryCount -1\n$ActionResumeInterval 1\n"
                      "*.* |/run/slurper/fifo\n& |/run/slurper/fifo\n"),
              ElementsAre(ok(HasSubstr("x.conf:4")), warning(HasSubstr("x.conf:5"))))
      << "a queue is for one action";
}

TEST(Rsyslog, WarnsOfLinesWithoutANewline) {
  const auto warned = [](const std::string& name) {
    return testing::Contains(warning(HasSubstr("because the template '" + name + "' has none")));
  };
  const std::string action = "action(type=\"ompipe\" pipe=\"/run/slurper/fifo\" template=\"";
  EXPECT_THAT(rsyslog(action + "RSYSLOG_ForwardFormat\")\n"), warned("RSYSLOG_ForwardFormat"));
  EXPECT_THAT(rsyslog("*.* |/run/slurper/fifo;RSYSLOG_TraditionalForwardFormat\n"),
              warned("RSYSLOG_TraditionalForwardFormat"));
  EXPECT_THAT(
      rsyslog("module(load=\"builtin:ompipe\" template=\"RSYSLOG_ForwardFormat\")\n*.* |/run/slurper/fifo\n"),
      warned("RSYSLOG_ForwardFormat"));
  EXPECT_THAT(rsyslog("template(name=\"mine\" type=\"string\" string=\"%msg%\")\n" + action + "mine\")\n"),
              warned("mine"));
  EXPECT_THAT(rsyslog("$template mine,\"%msg%\"\n*.* |/run/slurper/fifo;mine\n"), warned("mine"));
  EXPECT_THAT(
      rsyslog("template(name=\"mine\" type=\"list\") { property(name=\"msg\") }\n" + action + "mine\")\n"),
      warned("mine"));
  for (const std::string& good :
       {"template(name=\"mine\" type=\"string\" string=\"%msg%\\n\")\n" + action + "mine\")\n",
        std::string("$template mine,\"%msg%\\n\"\n*.* |/run/slurper/fifo;mine\n"),
        "template(name=\"mine\" type=\"list\") { property(name=\"msg\")\n constant(value=\"\\n\") }\n" +
            action + "mine\")\n",
        action + "RSYSLOG_FileFormat\")\n", action + "defined_elsewhere\")\n"}) {
    EXPECT_THAT(rsyslog(good), Not(testing::Contains(warning(HasSubstr("newline"))))) << good;
  }
}

TEST(Rsyslog, LeavesOthersAlone) {
  EXPECT_THAT(rsyslog("*.* |/dev/xconsole\n# *.* |/run/slurper/fifo\n/* action(type=\"ompipe\"\n"
                      "pipe=\"/run/slurper/fifo\") */\naction(type=\"omfile\" file=\"/run/slurper/fifo\")\n"
                      "action(type=\"ompipe\" pipe=\"/run/other\")\nmyaction(type=\"ompipe\" "
                      "pipe=\"/run/slurper/fifo\")\n"),
              IsEmpty());
}

TEST(Scanners, SurviveDamage) {
  for (const char* text : {"action(", "action(type=", "action(type=\"ompipe\" pipe=\"/run/slurper/fifo", "/*",
                           "/* *", "/", "action(=)", "action(= =\"", "|", " |", "'", "\"\\", "action(\"\\",
                           "pipe(", "pipe(\"", "source pipe("}) {
    EXPECT_LE(rsyslog(text).size(), 1U) << text;
    EXPECT_THAT(syslog_ng(text), IsEmpty()) << text;
    EXPECT_THAT(syslog_conf(text), IsEmpty()) << text;
  }
}

TEST(SyslogNg, WarnsOfTheDefaults) {
  EXPECT_THAT(syslog_ng("source s { system(); };\ndestination d { pipe(\"/run/slurper/fifo\"); };\n"),
              ElementsAre(warning(AllOf(HasSubstr("destination at x.conf:2"),
                                        HasSubstr("Add to it: time-reopen(1) owner() group() perm()")))));
}

TEST(SyslogNg, TakesCareAsEnough) {
  EXPECT_THAT(syslog_ng("destination d {\n  pipe( '/run/slurper/fifo' owner() group() perm()\n"
                        "    template(\"a (b) \\\"\") time-reopen(1));\n};\n"),
              ElementsAre(ok(HasSubstr("x.conf:2 keeps its lines"))));
}

TEST(SyslogNg, WarnsOfASourceThatWouldStealLines) {
  EXPECT_THAT(syslog_ng("destination d { file(\"/x\"); };\nsource s { pipe(\"/run/slurper/fifo\"); };\n"),
              ElementsAre(warning(HasSubstr("source at x.conf:2 reads this FIFO"))));
}

TEST(SyslogNg, LeavesOthersAlone) {
  EXPECT_THAT(syslog_ng("# pipe(\"/run/slurper/fifo\")\ndestination d { pipe(\"/run/o\"); };"), IsEmpty());
}

TEST(SyslogConf, SaysThatThereIsNoQueue) {
  EXPECT_THAT(syslog_conf("# *.* |/run/slurper/fifo\n*.*\t| /run/slurper/fifo\n"),
              ElementsAre(ok(AllOf(HasSubstr("x.conf:2"), HasSubstr("no queue")))));
}

SinkSettings sink(const std::string& type, const std::string& path,
                  const std::vector<std::string>& args = {}) {
  SinkSettings made{.name = type + "-sink", .type = type, .place = "here", .options = {}};
  made.options.push_back({.name = "path", .values = {path}, .is_list = false, .place = "here"});
  if (!args.empty())
    made.options.push_back({.name = "args", .values = args, .is_list = true, .place = "here"});
  return made;
}

TEST(WaysBack, AreInputsThatReadWhatASinkWrites) {
  const TempDir root;
  for (const char* folder : {"etc/rsyslog.d", "etc/syslog-ng"})
    std::filesystem::create_directories(root / folder);
  std::ofstream(root / "etc/rsyslog.conf")
      << "# input(type=\"imfile\" file=\"/var/log/a.log\")\n"
         "input(type=\"imfile\" File=\"/var/log/*.log\" tag=\"x\")\ninput(type=\"imudp\" port=\"514\")\n";
  std::ofstream(root / "etc/rsyslog.d/old.conf") << "$InputFileName /var/log/a.log\n";
  std::ofstream(root / "etc/syslog-ng/syslog-ng.conf")
      << "source s { file(\"/var/log/a.log\"); };\ndestination d { file(\"/var/log/a.log\"); };\n";
  const std::vector<SinkSettings> sinks = {sink("file", "/var/log/a.log"), sink("file", "/var/log/sub/b.log"),
                                           sink("exec", "/bin/cat")};
  EXPECT_THAT(check_ways_back(root.path(), sinks),
              ElementsAre(warning(AllOf(HasSubstr("etc/rsyslog.conf:2 reads '/var/log/a.log'"),
                                        HasSubstr("which the sink 'file-sink' writes"))),
                          warning(HasSubstr("rsyslog.d/old.conf:1 reads")),
                          warning(HasSubstr("syslog-ng.conf:1 reads"))));
}

TEST(WaysBack, AreProgramsAndSocketsOfTheSyslogd) {
  const TempDir root;
  for (const auto& back :
       {sink("exec", "/usr/bin/logger"), sink("exec", "/bin/sh", {"-c", "grep x | logger -t y"}),
        sink("exec", "/usr/bin/socat", {"-", "unix-sendto:/dev/log"}), sink("syslog", "/dev/log")}) {
    EXPECT_THAT(check_ways_back(root.path(), {&back, 1}),
                ElementsAre(warning(HasSubstr("hands its lines to this machine's syslogd"))));
  }
  const SinkSettings other = sink("exec", "/usr/bin/my-logger.py", {"--loggers"});
  EXPECT_THAT(check_ways_back(root.path(), {&other, 1}), IsEmpty());
}

TEST(Syslogds, AreLookedForWhereTheyLie) {
  const TempDir root;
  EXPECT_THAT(check_syslogds(root.path(), kFifo), ElementsAre(ok(HasSubstr("no syslogd's settings name"))));
  for (const char* folder : {"etc/rsyslog.d", "etc/syslog-ng/conf.d"})
    std::filesystem::create_directories(root / folder);
  for (const char* file : {"etc/rsyslog.conf", "etc/rsyslog.d/b.conf", "etc/rsyslog.d/a.conf",
                           "etc/rsyslog.d/c.conf.off", "etc/syslog.conf"}) {
    std::ofstream(root / file) << "*.* |/run/slurper/fifo\n";
  }
  for (const char* file : {"etc/syslog-ng/syslog-ng.conf", "etc/syslog-ng/conf.d/x.conf"})
    std::ofstream(root / file) << "destination d { pipe(\"/run/slurper/fifo\"); };\n";
  EXPECT_THAT(
      check_syslogds(root.path(), kFifo),
      ElementsAre(warning(HasSubstr("/etc/rsyslog.conf:1")), warning(HasSubstr("/rsyslog.d/a.conf:1")),
                  warning(HasSubstr("/rsyslog.d/b.conf:1")), warning(HasSubstr("syslog-ng.conf:1")),
                  warning(HasSubstr("conf.d/x.conf:1")), ok(HasSubstr("/etc/syslog.conf:1"))));
}

TEST(Syslogds, WhoseSettingsCannotBeReadAreNamedByCheckAlone) {
  const TempDir root;
  std::filesystem::create_directory(root / "etc");
  std::filesystem::create_symlink("rsyslog.conf", root / "etc/rsyslog.conf");
  const Findings findings = check_syslogds(root.path(), kFifo);
  EXPECT_THAT(findings,
              ElementsAre(warning(HasSubstr("rsyslog.conf' can't be read: Too many levels of symbolic"))));
  EXPECT_THAT(findings, ElementsAre(Field(&Finding::check_only, true)));
}

}  // namespace
}  // namespace slurper::test
