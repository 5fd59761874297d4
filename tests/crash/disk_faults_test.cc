// The log's disk full, failing, stalled or limited under the real slurper: nothing is lost, it says so once,
// and resumes by itself. Each ends in a comparison byte by byte.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include "support/daemon.h"
#include "support/kill_at.h"
#include "support/lines.h"
#include "support/small_disk.h"
#include "support/stalled_disk.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::string lines(int count, int from) {
  std::string text;
  for (int i = from; i < from + count; ++i) text += fmt::format("{:06} {:.<92}\n", i, "disk faults ");
  return text;
}

// strace on a running slurper: from now on calls fail. It counts for each thread by itself, and only the
// log's thread makes them.
Child make_fail(const Child& slurper, const std::string& path, const std::string& calls,
                const std::string& how) {
  Program strace{.argv = {"strace", "-f", "-o", "/dev/null", "-p", std::to_string(slurper.pid()), "-e",
                          "trace=" + calls, "-e", "inject=" + calls + ":" + how},
                 .env = {}};
  if (!path.empty()) strace.argv.insert(strace.argv.end(), {"-P", path});
  Child tracer(strace);
  EXPECT_TRUE(tracer.said("attached")) << tracer.err();
  return tracer;
}

// Before slurper ends: the leak sanitizer can't work under a tracer.
void detach(Child& tracer) {
  tracer.signal(SIGTERM);
  EXPECT_TRUE(tracer.wait()) << tracer.err();
}

struct Fault {
  const char* name;
  const char* calls;  // of strace's trace=
  const char* how;    // of its inject=
  const char* file;   // beside the log: the calls on it fail
  std::vector<std::string> settings;
  const char* said;       // once
  const char* recovered;  // once
};

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
  return out << fault.name;
}

class InjectedFault : public testing::TestWithParam<Fault> {};

TEST_P(InjectedFault, LosesNothingAndIsSaidOnce) {
  const Fault& fault = GetParam();
  Site site;
  Child slurper = site.start(fault.settings);
  ASSERT_TRUE(site.holder.write(lines(10, 0)));
  ASSERT_TRUE(site.log.reaches(site.holder.accepted().size()));
  Child tracer = make_fail(slurper, site.disk / fault.file, fault.calls, fault.how);
  // Until it has been said: some faults need a line to show themselves, or to be over.
  int next = 10;
  const auto write_until_said = [&](const std::string& what) {
    return eventually([&] {
      EXPECT_TRUE(site.holder.write(lines(20, next)));
      next += 20;
      return site.log.reaches(site.holder.accepted().size()) && slurper.err().find(what) != std::string::npos;
    });
  };
  ASSERT_TRUE(write_until_said(fault.said)) << slurper.err();
  ASSERT_TRUE(write_until_said(fault.recovered)) << slurper.err();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(write_until_said("ready"));
  detach(tracer);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), fault.said), 1U) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), fault.recovered), 1U) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

constexpr const char* kReady = "ready";  // where a recovery is no event
constexpr const char* kUnsynced = "may not survive a power failure";
constexpr const char* kSynced = "syncing the log again";
constexpr const char* kIndex = "cannot write the log's index";
constexpr const char* kWrittenAgain = "writing the log again, after";
const std::vector<std::string> small_segments = {"log.rotate_size=4KiB"};

INSTANTIATE_TEST_SUITE_P(
    All, InjectedFault,
    testing::Values(
        Fault{"NoSpace",
              "write",
              "error=ENOSPC:when=3..6",
              "messages",
              {},
              "Make room on its file",
              kWrittenAgain},
        Fault{"Quota", "write", "error=EDQUOT:when=1..4", "messages", small_segments, "Make room on its file",
              kWrittenAgain},
        Fault{"Failing",
              "write",
              "error=EIO:when=2..5",
              "messages",
              {},
              "the disk may be failing",
              kWrittenAgain},
        Fault{
            "ReadOnly", "write", "error=EROFS:when=2..5", "messages", {}, "turned, read-only", kWrittenAgain},
        Fault{"TooBig", "write", "error=EFBIG:when=2..5", "messages", {}, "LimitFSIZE=", kWrittenAgain},
        Fault{"Sync", "fdatasync", "error=EIO:when=1..2", "messages", {"log.sync=100ms"}, kUnsynced, kSynced},
        Fault{"SyncAlways",
              "fdatasync",
              "error=EIO:when=3..4",
              "messages",
              {"log.sync=always"},
              kUnsynced,
              kSynced},
        Fault{"Rotation", "renameat2", "error=EACCES:when=2..3", "messages", small_segments,
              "cannot rotate the log", kReady},
        Fault{"NewSegment", "openat", "error=EMFILE:when=3..6", "messages", small_segments, "cannot open",
              kWrittenAgain},
        Fault{"Index", "pwrite64", "error=EIO:when=2..4", ".messages.index", small_segments, kIndex,
              kWrittenAgain},
        Fault{"IndexSync", "fdatasync", "error=EIO:when=2..4", ".messages.index", small_segments, kIndex,
              kWrittenAgain},
        Fault{"FolderSync", "fsync", "error=EIO:when=2..4", "", small_segments, "cannot sync the folder",
              kWrittenAgain},
        Fault{"LookAtTheFile",
              "fstat,newfstatat",  // the C library takes one of them, a sanitizer the other
              "error=EIO:when=4..7",
              "messages",
              {},
              "cannot examine",
              kWrittenAgain}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// logrotate has moved the log, and the new one can't be opened at once.
TEST(DiskFaults, ReopeningThatFailsIsTriedAgain) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("before\n"));
  ASSERT_TRUE(site.log.reaches(7));
  Child tracer = make_fail(slurper, site.disk / "messages", "openat", "error=EACCES:when=1..4");
  std::filesystem::rename(site.disk / "messages", site.disk / "messages.1");
  slurper.signal(SIGHUP);
  ASSERT_TRUE(slurper.said("tries again with the next line")) << slurper.err();
  ASSERT_TRUE(site.holder.write("after\n"));
  ASSERT_TRUE(slurper.said(kWrittenAgain)) << slurper.err();
  detach(tracer);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(LogStream(site.disk / "messages.1").bytes() + site.log.bytes(), "before\nafter\n");
}

// RLIMIT_FSIZE as it is: SIGXFSZ must not kill. It holds for the ring's file, too, where data begin at
// 1,114,112.
TEST(DiskFaults, ALimitOnTheSizeOfFiles) {
  Site site;
  Child slurper = site.start();
  const rlimit small = {.rlim_cur = 1'147'000, .rlim_max = RLIM_INFINITY};
  const rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  for (int i = 0; site.holder.accepted().size() < small.rlim_cur + 10'000; ++i) {
    // The ring is empty before each, and begins at its start.
    ASSERT_TRUE(site.log.reaches(std::min<std::uint64_t>(site.holder.accepted().size(), small.rlim_cur)));
    ASSERT_TRUE(site.holder.write(lines(50, 50 * i)));
  }
  ASSERT_TRUE(slurper.said("LimitFSIZE=")) << slurper.err();
  EXPECT_TRUE(eventually([&] { return site.log.end() == small.rlim_cur; })) << "a part of a write is kept";
  ASSERT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &none, nullptr), 0);
  EXPECT_TRUE(site.log.reaches(site.holder.accepted().size()));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), "LimitFSIZE="), 1U);
  EXPECT_EQ(count_of(slurper.err(), kWrittenAgain), 1U);
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
}

// The log can't grow, so the ring does, up to the limit; what the limit keeps out waits in the pipe, and no
// other reader is blamed.
TEST(DiskFaults, ALimitInMidRing) {
  Site site;
  Child slurper = site.start();
  const rlimit small = {.rlim_cur = 1'114'112 + 20'050, .rlim_max = RLIM_INFINITY};  // in mid-line
  const rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  int next = 0;
  while (site.holder.accepted().size() <= small.rlim_cur) {
    ASSERT_TRUE(site.holder.write(lines(500, next)));
    next += 500;
    ASSERT_TRUE(site.log.reaches(site.holder.accepted().size()));
  }
  ASSERT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  for (int i = 0; i < 10; ++i, next += 30) ASSERT_TRUE(site.holder.write(lines(30, next)));
  ASSERT_TRUE(slurper.said("the limit on the size of files is smaller than the ring")) << slurper.err();
  EXPECT_GT(site.holder.pending(), 0U);
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("(0 reads cut short)")) << slurper.err();

  ASSERT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &none, nullptr), 0);
  EXPECT_TRUE(site.log.reaches(site.holder.accepted().size())) << slurper.err();
  EXPECT_TRUE(slurper.said("reading the FIFO again")) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

std::uint64_t pending_signals(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string word; status >> word;) {
    if (word == "ShdPnd:" && status >> word) return std::stoull(word, nullptr, 16);
  }
  return 0;
}

bool waits_for_a_thread(pid_t pid) {
  std::string call;
  return std::ifstream(fmt::format("/proc/{}/syscall", pid)) >> call && call == std::to_string(SYS_futex);
}

// A stop continues to read once the log has made room, and reports what it can't read in the end.
TEST(DiskFaults, AStopTakesWhatALimitHasHeldUp) {
  for (const bool is_lifted : {true, false}) {
    Site site;
    Child slurper = site.start({"log.rotate_size=100KiB"});
    const rlimit small = {.rlim_cur = 1'114'112 + 20'050, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
    std::optional<StalledThreads> stall(slurper.pid());
    int next = 0;
    // Until the pipe is full, and stays so.
    int refused = 0;
    ASSERT_TRUE(eventually([&] {
      const bool taken = site.holder.write(lines(500, next));
      next += taken ? 500 : 0;
      refused = taken ? 0 : refused + 1;
      return refused > 1000;
    }));
    slurper.signal(SIGTERM);
    if (is_lifted) {
      // Once the signal has been read.
      ASSERT_TRUE(eventually([&] { return pending_signals(slurper.pid()) == 0; }));
      stall.reset();
      EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
      EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
    } else {
      // The thread that writes messages is held, too.
      int waiting = 0;
      ASSERT_TRUE(eventually([&] {
        waiting = waits_for_a_thread(slurper.pid()) ? waiting + 1 : 0;
        return waiting > 100;
      }));
      stall.reset();
      EXPECT_TRUE(slurper.exits_with(74)) << slurper.err();
      EXPECT_THAT(slurper.err(),
                  testing::ContainsRegex("cannot read what is left in the FIFO '.*' \\(.*\\): the limit on"));
      EXPECT_GT(site.holder.pending(), 0U);
    }
  }
}

// Numbered lines flow in a process of their own while something is done to the log's disk.
class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!may_mount()) GTEST_SKIP() << "mounting needs root";
  }
  // What the log at `path` has, against what was written.
  static void expect_all(const std::string& path, LineWriter& writer) {
    LineChecker checker;
    EXPECT_EQ(LogStream(path).read([&](std::string_view piece) { checker.feed(piece); }), "");
    const LineReport report = checker.finish({{writer.lines()}});
    EXPECT_TRUE(report.clean()) << report.text();
    EXPECT_EQ(report.bytes, writer.bytes());
  }
};

TEST_F(FullDisk, GoesOnWithinASecondOfSpaceComingBack) {
  Site site;
  SmallDisk disk(site.disk / "small", kMiB);
  LineWriter writer(site.fifo, {});
  Child slurper = site.start({"log.path=" + disk / "messages", "ring.size=8MiB"});
  ASSERT_TRUE(slurper.said("Make room")) << slurper.err();
  // The ring fills next, and then the pipe: the writer waits.
  ASSERT_TRUE(slurper.said("the ring is full")) << slurper.err();
  const LogStream log(disk / "messages");
  const std::uint64_t held = log.end();
  disk.resize(4096 * kMiB);
  EXPECT_TRUE(eventually([&] { return log.end() > held; }));
  ASSERT_TRUE(slurper.said("reading the FIFO again")) << slurper.err();
  EXPECT_TRUE(slurper.said("cannot read more from the FIFO '")) << slurper.err();
  ASSERT_TRUE(writer.finish());
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), "Make room"), 1U) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), kWrittenAgain), 1U) << slurper.err();
  expect_all(disk / "messages", writer);
}

// Retention could not remove anything, for a while, and the disk got full: it is asked at once, not with the
// next rotation, which a full disk never comes to.
TEST_F(FullDisk, RetentionFreesSpaceAtOnce) {
  Site site;
  SmallDisk disk(site.disk / "small", 2 * kMiB);
  Child slurper = site.start({"log.path=" + disk / "messages", "log.rotate_size=256KiB", "log.keep_files=1"});
  Child tracer = make_fail(slurper, "", "unlink", "error=EACCES:when=1..6");  // it ends with the space
  const LogStream log(disk / "messages");
  int next = 0;
  while (slurper.err().find("Make room") == std::string::npos && next < 40'000) {
    if (site.holder.pending() > 0) continue;
    ASSERT_TRUE(site.holder.write(lines(100, next)));
    next += 100;
    // Retention is requested once a rotation, and not more often if it was too slow: it keeps up.
    const std::size_t segments = log.segments().size();
    ASSERT_TRUE(eventually([&] { return count_of(slurper.err(), "cannot remove") + 2 >= segments; }))
        << slurper.err();
  }
  ASSERT_TRUE(slurper.said("Make room")) << slurper.err();
  EXPECT_TRUE(slurper.said(kWrittenAgain)) << slurper.err();
  detach(tracer);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  std::string kept;
  EXPECT_EQ(log.read([&](std::string_view piece) { kept += piece; }), "");
  ASSERT_LE(kept.size(), site.holder.accepted().size());
  EXPECT_EQ(difference(site.holder.accepted().substr(site.holder.accepted().size() - kept.size()), kept), "");
}

// Nobody has set a limit, and the disk is smaller than what comes.
TEST_F(FullDisk, TheOldestSegmentsMakeRoomWhereTheyMay) {
  Site site;
  SmallDisk disk(site.disk / "small", 2 * kMiB);
  LineWriter writer(site.fifo, {.lines = 50'000});
  Child slurper = site.start(
      {"log.path=" + disk / "messages", "log.rotate_size=128KiB", "log.when_disk_full=remove-oldest"});
  ASSERT_TRUE(writer.wait());
  ASSERT_GT(writer.bytes(), 4 * kMiB);
  const LogStream log(disk / "messages");
  ASSERT_TRUE(log.reaches(writer.bytes())) << slurper.err();
  EXPECT_THAT(slurper.err(), testing::HasSubstr("early: the disk is full"));
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  // What is left is the end of the stream, and as much as there is room for.
  std::uint64_t kept = 0;
  LineChecker checker;
  EXPECT_EQ(log.read([&](std::string_view piece) {
    kept += piece.size();
    checker.feed(piece);
  }),
            "");
  const LineReport report = checker.finish({{writer.lines()}});
  EXPECT_EQ(log.end(), writer.bytes());
  EXPECT_GT(kept, kMiB);
  EXPECT_EQ(report.duplicated + report.torn + report.reordered + report.invented, 0U) << report.text();
  EXPECT_EQ(report.lines + report.lost, writer.lines()) << report.text();
  EXPECT_TRUE(
      Child(Program{.argv = {slurper_binary(), "verify", "--ring", site.ram.path(), disk / "messages"},
                    .env = {}})
          .exits_with(0));
}

TEST_F(FullDisk, ARingWhoseMemoryIsUsedUpIsNoBusError) {
  Site site;
  SmallDisk disk(site.disk / "small", kMiB);
  SmallDisk ram(site.disk / "ram", 3 * kMiB);
  LineWriter writer(site.fifo, {});
  Child slurper =
      site.start({"log.path=" + disk / "messages", "ring.directory=" + ram / "ring", "ring.size=16MiB"});
  ASSERT_TRUE(slurper.said("no memory left")) << slurper.err();
  ASSERT_TRUE(slurper.said("Make room")) << slurper.err();
  disk.resize(4096 * kMiB);
  ASSERT_TRUE(slurper.said("reading the FIFO again")) << slurper.err();
  EXPECT_TRUE(slurper.said("cannot read more from the FIFO '")) << slurper.err();
  ASSERT_TRUE(writer.finish());
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(count_of(slurper.err(), "no memory left"), 1U) << slurper.err();
  expect_all(disk / "messages", writer);
}

// A disk that hangs, as a frozen one does: every write waits, no call fails.
TEST_F(FullDisk, AStalledDiskHoldsUpNobody) {
  Site site;
  auto disk = StalledDisk::create(site.disk.path());
  if (!disk) GTEST_SKIP() << text_of(disk.error());
  const std::string path = disk->path() / "messages";
  FifoHolder& holder = site.holder;
  Child slurper = site.start({"log.path=" + path});
  ASSERT_TRUE(holder.write(lines(10, 0)));
  ASSERT_TRUE(LogStream(path).reaches(holder.accepted().size()));
  ASSERT_TRUE(disk->stall(0ms, kSanitized ? 6000ms : 2000ms));
  // More than a pipe holds goes into it while the disk hangs.
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(eventually([&] { return holder.write(lines(100, 10 + 100 * i)); })) << "a writer waited";
    std::this_thread::sleep_for(1ms);  // the stall is to begin before the last of it
  }
  EXPECT_LT(LogStream(path).end(), holder.accepted().size()) << "the disk did not hang";
  EXPECT_TRUE(LogStream(path).reaches(holder.accepted().size()));
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(holder.accepted(), LogStream(path).bytes()), "");
}

}  // namespace
}  // namespace slurper::test
