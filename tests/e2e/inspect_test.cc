// slurper inspect and the failures that slurper was born from, with a real rsyslogd: it names the cause and
// the remedy in its first lines.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>

#include "support/daemon.h"
#include "support/files.h"
#include "support/packages.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Each finding in one line.
std::string unwrapped(std::string text) {
  const std::string gap = "\n         ";
  for (auto at = text.find(gap); at != std::string::npos; at = text.find(gap, at))
    text.replace(at, gap.size(), " ");
  return text;
}

class InspectIncident : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Child fetch({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_SYSLOGDS, "rsyslog"}, .env = {}});
    ASSERT_TRUE(fetch.exits_with(0, std::chrono::minutes(3))) << fetch.err();
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may look at all processes";
    ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  }

  // With the pipe action that the manuals show: no queue, no retries. Takes messages once this returns.
  Child start_rsyslogd() const {
    const std::string socket = dir_ / "socket";
    std::filesystem::remove(socket);
    write_file(dir_ / "rsyslog.conf", fmt::format(R"(global(workDirectory="{0}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{1}" RateLimit.Interval="0")
*.* |{2}
)",
                                                  dir_.path(), socket, fifo_));
    Child rsyslogd({.argv = {Packages::root() / "usr/sbin/rsyslogd", "-n", "-i", "NONE", "-M",
                             Packages::libraries() / "rsyslog", "-f", dir_ / "rsyslog.conf"},
                    .env = Packages::env()});
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(socket); })) << rsyslogd.err();
    EXPECT_TRUE(eventually([&] { return content_of(comm_of(rsyslogd)) == "rsyslogd\n"; }));
    return rsyslogd;
  }
  static std::string comm_of(const Child& child) { return fmt::format("/proc/{}/comm", child.pid()); }

  // Lines of 200 bytes, as many as it takes: `until` says when it is enough. Returns how many were sent.
  template <typename Condition>
  int send_until(Condition until) const {
    int sent = 0;
    EXPECT_TRUE(eventually_by_progress([&] { return sent; },
                                       [&] {
                                         if (until()) return true;
                                         std::string text;
                                         for (int i = 0; i < 100; ++i)
                                           text += fmt::format("incident line {:06} {}\n", sent++,
                                                               std::string(180, 'x'));
                                         send(text);
                                         return false;
                                       }));
    return sent;
  }
  void send(const std::string& text) const {
    const UniqueFd input = make_capture();
    ASSERT_EQ(::pwrite(input.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    Child logger({.argv = {"logger", "--udp", "--socket", dir_ / "socket", "--socket-errors=on"}, .env = {}},
                 input.get());
    ASSERT_TRUE(logger.exits_with(0)) << logger.err();
  }

  std::string inspect() const {
    Child child({.argv = {slurper_binary(), "inspect", fifo_}, .env = {}});
    EXPECT_TRUE(child.wait());
    return unwrapped(child.out());
  }
  static std::string named(const Child& child, const std::string& name) {
    return fmt::format("'{}' (pid {})", name, child.pid());
  }

  TempDir dir_;
  std::string fifo_ = dir_ / "fifo";
};

// The night of the failure: the reader sleeps and the pipe fills. rsyslogd does not wait, and what it can not
// write it throws away: the lines that were sent are not those that are in the pipe.
TEST_F(InspectIncident, AReaderThatHasStoppedReading) {
  const Child reader(
      {.argv = {"bash", "-c", "exec 3<>\"$1\" 4<\"$1\" 3>&-; exec sleep 1000 <&4 4<&-", "bash", fifo_},
       .env = {}});
  ASSERT_TRUE(eventually([&] { return content_of(comm_of(reader)) == "sleep\n"; }));
  const Child rsyslogd = start_rsyslogd();
  const std::string full = "error    the pipe is full (";
  int lost = 0;
  std::string out;
  const int sent = send_until([&] {
    out = inspect();
    // Its lines go to the pipe and nowhere else, so it is enough to go on sending once the pipe is full.
    return out.contains(full) && ++lost > 1;
  });
  EXPECT_THAT(out, StartsWith(fmt::format("FIFO '{}'\n{}", fifo_, full)));
  EXPECT_THAT(out,
              HasSubstr(fmt::format("its reader, {0}, does not read. It is asleep in "
                                    "clock_nanosleep(2). Restart {0}, or replace it by a reader that does "
                                    "not stop: slurper run --fifo '{1}' --log LOG\n",
                                    named(reader, "sleep"), fifo_)));
  const std::string eagain = fmt::format(
      "\nerror    {} does not wait for room (O_NONBLOCK): its writes fail with EAGAIN now, and what it does "
      "not "
      "write again later is lost. See to the reader first.",
      named(rsyslogd, "rsyslogd"));
  EXPECT_THAT(out, HasSubstr(eagain));
  EXPECT_EQ(std::count(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(out.find(eagain)), '\n'), 1)
      << "the cause is the first finding, the victim the second";
  EXPECT_THAT(out, HasSubstr("warning  the pipe holds no more than 64.0KiB"));

  // What the incident costs.
  const UniqueFd read_fd(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string kept;
  std::string piece(65536, '\0');
  for (ssize_t size = 0; (size = ::read(read_fd.get(), piece.data(), piece.size())) > 0;)
    kept.append(piece, 0, static_cast<std::size_t>(size));
  EXPECT_LT(std::ranges::count(kept, '\n'), sent);
}

// A restart of the syslogd is an end-of-file for a plain reader, which ends. From then on the pipe has none.
TEST_F(InspectIncident, AReaderThatHasEndedWithTheSyslogd) {
  Child reader({.argv = {"cat", fifo_}, .env = {}});
  {
    UniqueFd holder_fd;  // until rsyslogd has it open
    ASSERT_TRUE(eventually([&] {
      holder_fd.reset(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      return static_cast<bool>(holder_fd);
    }));
    Child rsyslogd = start_rsyslogd();
    (void)send_until([&] { return reader.out().contains("incident line 000000"); });
    holder_fd.reset();
    rsyslogd.signal(SIGTERM);
    ASSERT_TRUE(rsyslogd.wait());
  }
  ASSERT_TRUE(reader.exits_with(0)) << "it has met an end-of-file";
  const Child rsyslogd = start_rsyslogd();
  std::string out;
  (void)send_until([&] {
    out = inspect();
    return out.contains("EAGAIN now");
  });
  EXPECT_THAT(out, StartsWith(fmt::format("FIFO '{}'\nerror    the pipe has no reader. It holds ", fifo_)));
  EXPECT_THAT(out, HasSubstr(fmt::format(" Start its reader, for example: slurper run --fifo '{}' --log LOG\n"
                                         "error    {} does not wait for room (O_NONBLOCK)",
                                         fifo_, named(rsyslogd, "rsyslogd"))));
}

// "cat made it move again", and stole lines.
TEST_F(InspectIncident, ACatBesideSlurper) {
  const TempDir ram = TempDir::in_ram();
  Child slurper({.argv = {slurper_binary(), "run", "--fifo", fifo_, "--log", dir_ / "log", "--set",
                          "ring.size=4MiB", "--set", "ring.directory=" + (ram / "ring")},
                 .env = {}});
  ASSERT_TRUE(eventually([&] { return inspect().contains("slurper's keep-alive writer"); })) << slurper.err();
  const Child rsyslogd = start_rsyslogd();
  const Child thief({.argv = {"cat", fifo_}, .env = {}});
  std::string out;
  ASSERT_TRUE(eventually([&] {
    out = inspect();
    return out.contains("second reader");
  })) << out;
  EXPECT_THAT(
      out, StartsWith(fmt::format("FIFO '{}'\nerror    there is a second reader, {}: what it reads, the "
                                  "first reader, {}, never gets. End {}: kill {}\n",
                                  fifo_, named(thief, "cat"), named(slurper, "slurper"), named(thief, "cat"),
                                  thief.pid())));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
}

TEST_F(InspectIncident, AFifoThatWasReplaced) {
  const Child rsyslogd = start_rsyslogd();
  (void)send_until([&] { return inspect().contains(" rsyslogd "); });
  ASSERT_EQ(::unlink(fifo_.c_str()), 0);
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  const Child reader({.argv = {"bash", "-c", "exec 3<>\"$1\"; exec cat \"$1\"", "bash", fifo_}, .env = {}});
  ASSERT_TRUE(eventually([&] { return content_of(comm_of(reader)) == "cat\n"; }));
  EXPECT_THAT(inspect(), StartsWith(fmt::format(
                             "FIFO '{0}'\nerror    {1} has a FIFO open for reading and writing that stood "
                             "at '{0}' before another replaced it: the two are not connected. Restart "
                             "it, so that it opens the FIFO that stands there now\n",
                             fifo_, named(rsyslogd, "rsyslogd"))));
}

}  // namespace
}  // namespace slurper::test
