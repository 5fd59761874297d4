// Sinks of the real slurper, as an operator sets them up: by URL and by table, with filters, formats, cursors
// and dead letters; one that came too late, and one that hangs.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>

#include "e2e/destinations.h"
#include "e2e/numbered_lines.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

class SinksTest : public testing::Test {
 protected:
  void send(int count) {
    for (const int end = sent_ + count; sent_ < end;) {
      std::string text;
      for (; sent_ < end && text.size() < 3900; ++sent_) text += line_of(sent_) + '\n';
      ASSERT_TRUE(eventually([&] { return site_.holder.write(text); })) << "a writer waited";
    }
    ASSERT_TRUE(site_.log.reaches(site_.holder.accepted().size()));
  }
  static void end(Child& slurper) {
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  // Whether the status comes to match this.
  static bool has_status(Child& slurper, const std::string& text) {
    return eventually([&] {
      slurper.signal(SIGUSR2);
      std::this_thread::sleep_for(20ms);
      const std::string said = slurper.err();
      const std::size_t last = said.rfind("status: ");
      return last != std::string::npos && RE2::PartialMatch(said.substr(last), text);
    });
  }
  [[nodiscard]] std::string on_disk(const std::string& name) const { return site_.disk / name; }
  // What `slurper verify` says of a cursor: up to, behind, rejected, missed.
  [[nodiscard]] std::vector<std::string> cursor(const std::string& name) const {
    Child verify(site_.verify());
    EXPECT_TRUE(verify.exits_with(0)) << verify.err() << verify.out();
    std::vector<std::string> found(4);
    const std::string wanted = "([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +" + name + "\n";
    if (!RE2::PartialMatch(verify.out(), wanted, &found[0], &found[1], &found[2], &found[3]))
      return {verify.out()};
    return found;
  }

  Site site_;
  int sent_ = 0;
};

// The log gets other lines at the offsets that the file knows. It must not take them for delivered.
TEST_F(SinksTest, ALogThatWasRestoredFromABackupSkipsNothing) {
  const TempDir elsewhere;
  const std::string copy = elsewhere / "copy";
  const auto write = [&](const std::string& text) {
    const std::uint64_t before = site_.log.end();
    ASSERT_TRUE(eventually([&] { return site_.holder.write(text); }));
    ASSERT_TRUE(site_.log.reaches(before + text.size()));
  };
  const auto write_with = [&](std::vector<std::string> sinks, const std::string& text) {
    site_.sinks = std::move(sinks);
    Child slurper = site_.start();
    write(text);
    end(slurper);
  };
  const std::string sink = "file:" + copy + "?name=copy&start=beginning&retry_max=100ms";
  write_with({sink}, "one\ntwo\n");
  const fs::path backup = elsewhere / "backup";
  fs::create_directory(backup);
  const auto copy_files = [](const fs::path& from, const fs::path& to) {
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.is_regular_file())
        fs::copy(entry.path(), to / entry.path().filename(), fs::copy_options::overwrite_existing);
    }
  };
  copy_files(site_.disk.path(), backup);
  write_with({sink}, "three\n");
  EXPECT_EQ(read_file(copy), "one\ntwo\nthree\n");

  copy_files(backup, site_.disk.path());
  for (const auto& entry : fs::directory_iterator(site_.ram.path())) fs::remove_all(entry.path());
  write_with({}, "THREE\nfour\n");
  site_.sinks = {sink};
  {
    Child slurper = site_.start();
    ASSERT_TRUE(slurper.said("the destination's last line, which ends at offset 14, is not this log's line"))
        << slurper.err();
    end(slurper);
  }
  EXPECT_EQ(read_file(copy), "one\ntwo\nthree\n");
  // As the message says.
  Child cursor(
      Program{.argv = {slurper_binary(), "cursor", "--to", "8", on_disk("messages"), "copy"}, .env = {}});
  ASSERT_TRUE(cursor.exits_with(0)) << cursor.err();
  Child slurper = site_.start();
  ASSERT_TRUE(eventually([&] { return read_file(copy) == "one\ntwo\nthree\nTHREE\nfour\n"; }))
      << slurper.err();
  end(slurper);
}

TEST_F(SinksTest, TablesAndUrlsMakeTheSame) {
  std::ofstream(on_disk("slurper.toml")) << fmt::format(R"([[sink]]
type = "file"
name = "rare.ones"
path = "{0}/table"
filter = 'program = rare and msg contains "line"'
format = "{{program}}/{{pid}} {{severity}}: {{msg}}"
start = "beginning"

[[sink]]
type = "exec"
path = "/bin/sh"
args = ["-c", 'cat > "$0/$SLURPER_SINK"', "{0}"]
format = "rfc3164"
start = "beginning"
)",
                                                        site_.disk.path());
  site_.sinks = {
      fmt::format("file:{}?filter=program%20=%20rare%20and%20msg%20contains%20%22line%22&"
                  "format={{program}}/{{pid}}%20{{severity}}:%20{{msg}}&start=beginning",
                  on_disk("url"))};
  Program program = site_.run();
  program.argv.insert(program.argv.end(), {"-c", on_disk("slurper.toml")});
  Child slurper(program);
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  send(120);
  end(slurper);
  const std::string expected = fmt::format("rare/7 notice: {}\nrare/7 notice: {}\nrare/7 notice: {}\n",
                                           message_of(0), message_of(50), message_of(100));
  EXPECT_EQ(content_of(on_disk("table")), expected);
  EXPECT_EQ(content_of(on_disk("url")), expected);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("exec-bin-sh"))), "");
  const std::string size = std::to_string(site_.log.end());
  std::string url_name = "file" + on_disk("url");
  RE2::GlobalReplace(&url_name, "[^A-Za-z0-9._]+", "-");
  for (const std::string& name : {std::string("rare.ones"), std::string("exec-bin-sh"), url_name}) {
    EXPECT_TRUE(fs::exists(on_disk(".messages.cursor-" + name))) << name;
    EXPECT_THAT(cursor(name), ElementsAre(size, "0", "0", "0")) << name;
  }
}

TEST_F(SinksTest, EachBeginsWhereItIsToldAndGoesOnWhereItWas) {
  const auto start = [&](const std::string& name, const std::string& more) {
    site_.sinks = {fmt::format("file:{}?name={}{}", on_disk(name), name, more)};
    return site_.start();
  };
  Child first = start("new", "");
  EXPECT_TRUE(eventually([&] { return fs::exists(on_disk(".messages.cursor-new")); }));
  // Only then it has begun.
  ASSERT_TRUE(eventually([&] { return cursor("new").size() == 4; }));
  send(10);
  end(first);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("new"))), "");
  Child second = start("new", "");
  send(10);
  end(second);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("new"))), "");
  Child third = start("old", "&start=beginning");
  send(10);
  end(third);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("old"))), "");
  Child again = start("new", "");
  end(again);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("new"))), "")
      << "what came while it was not there";
  fs::remove(on_disk(".messages.cursor-new"));
  Child anew = start("new", "");
  ASSERT_TRUE(eventually([&] { return cursor("new").size() == 4; }));
  const std::uint64_t before = site_.log.end();
  send(10);
  end(anew);
  EXPECT_TRUE(content_of(on_disk("new")).ends_with(site_.log.bytes().substr(before)));
}

TEST_F(SinksTest, WhatIsRefusedIsInTheDeadLetters) {
  // A program that refuses one line of ten, in omprog's protocol and its one word more.
  std::ofstream(on_disk("program")) << R"(#!/bin/sh
echo OK
while read -r line; do
  case $line in
    *"line 0000000"[37]*) echo "REJECTED: not this one" ;;
    *) echo "$line" >> "$1" && echo OK ;;
  esac
done
)";
  fs::permissions(on_disk("program"), fs::perms::owner_all);
  site_.sinks = {fmt::format("exec:{}?name=picky&confirm=line&args={}&start=beginning", on_disk("program"),
                             on_disk("taken"))};
  Child slurper = site_.start();
  send(10);
  ASSERT_TRUE(slurper.said("the sink 'picky' was refused a line: not this one")) << slurper.err();
  EXPECT_TRUE(has_status(slurper, "sink 'picky': 8 lines, 0B behind, 2 lines refused")) << slurper.err();
  end(slurper);
  const std::string letters = content_of(on_disk("messages.rejected-picky"));
  EXPECT_THAT(
      letters,
      MatchesRegex(
          "(\\{\"sink\":\"picky\",\"reason\":\"not this one\",\"line\":\".*\",\"record\":\\{.*\\}\\}\n){2}"));
  EXPECT_THAT(letters, HasSubstr(message_of(3)));
  EXPECT_THAT(letters, HasSubstr(message_of(7)));
  EXPECT_EQ(std::ranges::count(content_of(on_disk("taken")), '\n'), 8);
  EXPECT_THAT(cursor("picky"), ElementsAre(std::to_string(site_.log.end()), "0", "2", "0"));
}

// `systemctl kill -s USR2 slurper` sends it to the whole control group.
TEST_F(SinksTest, ASignalForSlurperEndsNoProgram) {
  std::ofstream(on_disk("program")) << "#!/bin/sh\necho $$ >>\"$1/pids\"\nexec cat >>\"$1/taken\"\n";
  fs::permissions(on_disk("program"), fs::perms::owner_all);
  site_.sinks = {
      fmt::format("exec:{}?name=program&args={}&start=beginning", on_disk("program"), site_.disk.path())};
  Child slurper = site_.start();
  const auto has_all = [&] { return content_of(on_disk("taken")).size() == site_.log.end(); };
  send(10);
  ASSERT_TRUE(eventually(has_all)) << slurper.err();
  const pid_t pid = std::stoi(content_of(on_disk("pids")));
  for (const int number : {SIGUSR2, SIGUSR1, SIGHUP}) {
    ASSERT_EQ(::kill(-pid, number), 0) << "the program's process group";
    slurper.signal(number);
  }
  EXPECT_TRUE(slurper.said("status: ")) << "what a program must not hear of, slurper does: " << slurper.err();
  send(10);
  EXPECT_TRUE(eventually(has_all)) << slurper.err();
  EXPECT_EQ(content_of(on_disk("pids")), std::to_string(pid) + '\n') << "it was started again";
  end(slurper);
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("taken"))), "");
}

// The destination is down for longer than the log keeps its lines.
TEST_F(SinksTest, WhatRetentionRemovedIsToldAndCounted) {
  ServerDestination server("late", By::Tcp, site_.ram.path());
  site_.sinks = {server.url()};
  const auto received = [&] { return server.received(); };
  server.up();
  Child slurper = site_.start({"log.rotate_size=64KiB", "log.keep_files=2", "log.compress=zstd"});
  send(100);
  ASSERT_TRUE(eventually([&] { return received().size() == 100; })) << slurper.err();
  ASSERT_TRUE(has_status(slurper, "sink 'late': 100 lines, 0B behind")) << slurper.err();
  server.down();
  for (int i = 0; i < 20; ++i) {
    send(500);
    // One segment at a time, as in life: rotation and retention keep up.
    ASSERT_TRUE(eventually([&] { return site_.log.segments().size() <= 4; }));
  }
  const std::uint64_t first = site_.log.segments().front().base;
  ASSERT_GT(first, 0U);
  ASSERT_TRUE(slurper.said("the sink 'late' fails")) << slurper.err();
  server.up();
  ASSERT_TRUE(eventually([&] { return number_in(received().back().text) == sent_ - 1; })) << slurper.err();
  ASSERT_TRUE(slurper.said("the sink 'late' came too late for ")) << slurper.err();
  EXPECT_THAT(slurper.err(), HasSubstr("they were removed, by log.keep_files, log.keep_size, or by hand"));
  send(10);
  ASSERT_TRUE(eventually([&] { return number_in(received().back().text) == sent_ - 1; }))
      << "it does not go on";
  EXPECT_TRUE(has_status(slurper, "sink 'late': [0-9]+ lines, 0B behind, [0-9.]+[KM]iB missed"))
      << slurper.err();
  end(slurper);
  const auto messages = received();
  const int began = number_in(messages[100].text);
  EXPECT_GT(began, 100);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const int expected = static_cast<int>(i) + (i < 100 ? 0 : began - 100);
    ASSERT_EQ(number_in(messages[i].text), expected) << "a line is missing that was there";
  }
  std::uint64_t missed = 0;
  for (int i = 100; i < began; ++i) missed += line_of(i).size() + 1;
  const auto seen = cursor("late");
  ASSERT_EQ(seen.size(), 4U) << seen.front();
  EXPECT_EQ(seen[3], std::to_string(missed));
}

// The file says up to which line it has everything; the cursor is far beyond that.
TEST_F(SinksTest, WhatANarrowFilterPassedIsNotMissedAfterARestart) {
  site_.sinks = {
      fmt::format("file:{}?name=narrow&start=beginning&filter=msg%20contains%20%22line%2000000000%22",
                  on_disk("narrow"))};
  const std::vector<std::string> settings = {"log.rotate_size=64KiB", "log.keep_files=2"};
  Child first = site_.start(settings);
  for (int i = 0; i < 10; ++i) {
    send(500);
    // Retention may not overtake it.
    ASSERT_TRUE(has_status(first, "sink 'narrow': 1 line, 0B behind")) << first.err();
    ASSERT_TRUE(eventually([&] { return site_.log.segments().size() <= 3; }));
  }
  ASSERT_GT(site_.log.segments().front().base, 0U);
  end(first);
  Child second = site_.start(settings);
  send(10);
  ASSERT_TRUE(has_status(second, "sink 'narrow': 0 lines, 0B behind[^m]*$")) << second.err();
  end(second);
  EXPECT_THAT(second.err(), testing::Not(HasSubstr("came too late")));
  EXPECT_THAT(cursor("narrow"), ElementsAre(std::to_string(site_.log.end()), "0", "0", "0"));
  EXPECT_EQ(content_of(on_disk("narrow")), line_of(0) + '\n');
}

// With what lies beside it, as a backup of its folder does.
TEST_F(SinksTest, AFileOfYesterdayGetsTheLinesOfTodayAgain) {
  fs::create_directories(on_disk("files"));
  site_.sinks = {fmt::format("file:{}?name=copied&start=beginning", on_disk("files/copied"))};
  const auto run_with = [&](int lines) {
    Child slurper = site_.start();
    send(lines);
    end(slurper);
    return slurper.err();
  };
  run_with(100);
  fs::copy(on_disk("files"), on_disk("yesterday"), fs::copy_options::recursive);
  const std::size_t before = content_of(on_disk("files/copied")).size();
  run_with(100);
  const std::string had = std::to_string(site_.log.end());
  fs::remove_all(on_disk("files"));
  fs::copy(on_disk("yesterday"), on_disk("files"), fs::copy_options::recursive);
  EXPECT_THAT(run_with(10),
              HasSubstr(fmt::format("the sink 'copied' has a destination that lost lines: it had everything "
                                    "before offset {}, and now has everything before offset {}",
                                    had, before)));
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("files/copied"))), "");
  EXPECT_THAT(cursor("copied"), ElementsAre(std::to_string(site_.log.end()), "0", "0", "0"));
}

// The thread sanitizer itself ends a process that gets no memory.
#if !defined(SLURPER_SANITIZED_THREADS)
// Whatever falls for it, gets up again or is started again, and every line is there once.
TEST_F(SinksTest, MemoryThatRunsOutCostsNoLine) {
  site_.sinks = {fmt::format("file:{}?name=copy&start=beginning&retry_max=1s", on_disk("copy"))};
  const std::vector<std::string> settings = {"log.rotate_size=64KiB", "log.compress=zstd"};
  std::optional<Child> slurper(site_.start(settings));
  send(1000);
  const auto limit_memory = [&](rlim_t bytes) {
    const rlimit limit{.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    return ::prlimit(slurper->pid(), RLIMIT_AS, &limit, nullptr) == 0;
  };
  int starts = 0;
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(limit_memory(1)) << "nothing more can be mapped";
    for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP}) slurper->signal(signal);
    std::string text;
    for (int i = 0; i < 500; ++i) text += line_of(sent_++) + '\n';
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view piece = rest.substr(0, rest.substr(0, 4000).rfind('\n') + 1);
      ASSERT_TRUE(eventually([&] { return site_.holder.write(std::string(piece)); }));
      rest.remove_prefix(piece.size());
    }
    ASSERT_TRUE(eventually([&] {
      if (slurper->wait(0ms)) {
        ++starts;
        slurper.emplace(site_.start(settings));
      }
      return site_.log.end() == site_.holder.accepted().size();
    })) << slurper->err();
    ASSERT_TRUE(limit_memory(RLIM_INFINITY));
  }
  EXPECT_TRUE(eventually([&] { return content_of(on_disk("copy")).size() == site_.log.end(); }))
      << slurper->err();
  end(*slurper);
  fmt::print("started again {} times\n", starts);
  EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "");
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("copy"))), "");
}
#endif

// What is wrong with one sink is that sink's alone.
TEST_F(SinksTest, OnesThatCanNotWorkHoldUpNobody) {
  const auto table = [&](const std::string& name, const std::string& type) {
    return fmt::format("[[sink]]\nname = \"{0}\"\ntype = \"{1}\"\npath = \"{2}\"\nstart = \"beginning\"\n",
                       name, type, on_disk(name));
  };
  const std::string path = on_disk("slurper.toml");
  std::ofstream(path) << "[log]\nsync = \"1s\"\n" + table("quick", "file") + table("damaged", "file");
  const auto with_file = [&] {
    Program program = site_.run();
    program.argv.insert(program.argv.end(), {"-c", path});
    return program;
  };
  {
    Child first(with_file());
    ASSERT_TRUE(first.said("ready")) << first.err();
    send(10);
    end(first);
  }
  std::ofstream(on_disk(".messages.cursor-damaged"), std::ios::trunc) << std::string(256, 'x');
  std::ofstream(path, std::ios::app) << table("unknown", "flie") +
                                            "[[sink]]\nname = \"plugin\"\ntype = \"none\"\nplugin = \"" +
                                            on_disk("none.so") + "\"\n";
  Child slurper(with_file());
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  send(10);
  EXPECT_TRUE(eventually([&] { return content_of(on_disk("quick")).size() == site_.log.end(); }));
  EXPECT_TRUE(slurper.said("the sink 'damaged' fails: cannot use the cursor")) << slurper.err();
  EXPECT_TRUE(slurper.said("the sink 'unknown' fails: cannot accept")) << slurper.err();
  EXPECT_TRUE(slurper.said("the sink 'plugin' fails: cannot accept")) << slurper.err();
  EXPECT_TRUE(
      has_status(slurper,
                 "A SINK FAILS: 'damaged': cannot use the cursor .*; A SINK FAILS: 'plugin': cannot "
                 "accept .*; A SINK FAILS: 'unknown': cannot accept .*\n(?:.*\n)*"
                 "  sink 'damaged': 0 lines, FAILING\n  sink 'unknown': 0 lines, .* behind, FAILING\n"))
      << slurper.err();
  EXPECT_THAT(content_of(on_disk("damaged")).size(), testing::Lt(site_.log.end()));

  // A reload would lose such a sink's settings only later, with the next start: it is refused.
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said("there is no sink of the type 'flie', and no plug-in '")) << slurper.err();
  EXPECT_TRUE(slurper.said("The settings are unchanged")) << slurper.err();
  end(slurper);
  EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "");
}

// Each at its own pace, and the end comes in time.
TEST_F(SinksTest, OneThatHangsHoldsUpNobody) {
  std::ofstream(on_disk("hang")) << "as long as this is there\n";
  site_.sinks = {fmt::format("stubborn:{}?name=hanging&start=beginning&plugin={}", on_disk("hang"),
                             SLURPER_STUBBORN_SINK),
                 fmt::format("file:{}?name=quick&start=beginning", on_disk("quick"))};
  Child slurper = site_.start();
  send(5000);
  EXPECT_TRUE(eventually([&] { return content_of(on_disk("quick")).size() == site_.log.end(); }));
  const auto told = Clock::now();
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  const auto took = Clock::now() - told;
  EXPECT_THAT(slurper.err(), HasSubstr("the sink 'hanging' does not end: its thread is abandoned"));
  fmt::print("it ended in {:.1f} s\n", std::chrono::duration<double>(took).count());
  EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "");
  EXPECT_EQ(difference(site_.log.bytes(), content_of(on_disk("quick"))), "");

  // It is alive again, and nothing was lost to it.
  fs::remove(on_disk("hang"));
  Child next = site_.start();
  send(10);
  end(next);
  EXPECT_THAT(cursor("hanging"), ElementsAre(std::to_string(site_.log.end()), "0", "0", "0"));
}

}  // namespace
}  // namespace slurper::test
