// The failure that slurper was born from, with the real daemons: a syslogd is restarted, the last writer
// closes the FIFO, and a plain reader is gone. slurper stays, and has every line.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/daemon.h"
#include "support/packages.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
  ASSERT_EQ(fs::file_size(path), text.size());
}

// A syslogd in a folder of its own: everything it receives on its socket goes to the FIFO.
struct Syslogd {
  const char* name;
  const char* socket;  // in its folder
  Program (*program)(const fs::path& dir, const std::string& fifo);
};

Program rsyslogd(const fs::path& dir, const std::string& fifo) {
  const fs::path modules = Packages::libraries() / "rsyslog";
  // The queue and the retries are what keeps ompipe from throwing lines away when the pipe is full.
  write_file(dir / "rsyslog.conf", fmt::format(R"(global(workDirectory="{0}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{0}/socket" RateLimit.Interval="0")
*.* action(type="ompipe" pipe="{1}" queue.type="LinkedList" action.resumeRetryCount="-1" action.resumeInterval="1")
)",
                                               dir.string(), fifo));
  return {.argv = {Packages::root() / "usr/sbin/rsyslogd", "-n", "-i", "NONE", "-M", modules, "-f",
                   dir / "rsyslog.conf"},
          .env = Packages::env()};
}

Program syslog_ng(const fs::path& dir, const std::string& fifo) {
  const fs::path modules = Packages::syslog_ng_modules();
  write_file(dir / "syslog-ng.conf", fmt::format(R"(@version: {2}
options {{ use-dns(no); dns-cache(no); }};
source sent {{ unix-dgram("{0}/socket"); }};
destination fifo {{ pipe("{1}"); }};
log {{ source(sent); destination(fifo); }};
)",
                                                 dir.string(), fifo, modules.filename().string()));
  return {.argv = {Packages::root() / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", dir / "syslog-ng.conf",
                   "-R", dir / "persist", "-c", dir / "control", "-p", dir / "pid",
                   "--module-path=" + modules.string()},
          .env = Packages::env()};
}

Program inetutils_syslogd(const fs::path& dir, const std::string& fifo) {
  write_file(dir / "syslog.conf", fmt::format("*.* |{}\n", fifo));
  return {.argv = {Packages::root() / "usr/sbin/syslogd", "-n", "--no-klog", "-p", dir / "socket", "-P",
                   dir / "pid", "-f", dir / "syslog.conf", "-D", dir / "none"},
          .env = Packages::env()};
}

// Debian's busybox ignores syslog.conf and so has no pipe action; its -O takes a FIFO as it takes a file. Its
// socket is /dev/log and nothing else: it gets a /dev of its own.
Program busybox_syslogd(const fs::path& dir, const std::string& fifo) {
  fs::create_directory(dir / "dev");
  return {
      .argv = {"unshare", "--mount", "sh", "-c", R"(mount --bind "$1" /dev && exec "$2" syslogd -n -O "$3")",
               "sh", dir / "dev", Packages::root() / "bin/busybox", fifo},
      .env = Packages::env()};
}

std::ostream& operator<<(std::ostream& out, const Syslogd& syslogd) {
  return out << syslogd.name;
}

// Whether a datagram sent there has a receiver. A socket file that a dead syslogd has left refuses.
bool listens(const std::string& socket_path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (socket_path.size() >= sizeof address.sun_path) return false;
  socket_path.copy(address.sun_path, socket_path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

constexpr std::string_view kMark = "slurper e2e line ";

// The numbers behind the mark, in the order of the text's lines.
std::vector<int> numbers_in(const std::string& text) {
  std::vector<int> numbers;
  for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1))
    numbers.push_back(std::stoi(text.substr(at + kMark.size(), 6)));
  return numbers;
}

class SyslogdTest : public testing::TestWithParam<Syslogd> {
 protected:
  static void SetUpTestSuite() {
    Child fetch({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_SYSLOGDS, "rsyslog", "syslog-ng-core", "busybox",
                          "inetutils-syslogd"},
                 .env = {}});
    ASSERT_TRUE(fetch.exits_with(0, std::chrono::minutes(3))) << fetch.err();
  }

  void SetUp() override {
    if (std::string_view(GetParam().name) == "busybox" && ::geteuid() != 0)
      GTEST_SKIP() << "only root can give busybox syslogd a /dev of its own";
    ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  }

  // Started, and its socket takes messages.
  Child start_syslogd() {
    Child syslogd(GetParam().program(dir_.path(), fifo_));
    EXPECT_TRUE(eventually([&] { return listens(socket_) || syslogd.wait(std::chrono::milliseconds(0)); }));
    EXPECT_FALSE(syslogd.wait(std::chrono::milliseconds(0))) << syslogd.err();
    return syslogd;
  }

  static void stop_syslogd(Child& syslogd) {
    syslogd.signal(SIGTERM);
    EXPECT_TRUE(syslogd.wait());
  }

  // logger(1) waits if the socket is full, and fails if no process listens: what it sent, the syslogd's
  // socket has.
  void send_lines(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += fmt::format("{}{:06}\n", kMark, i);
    const UniqueFd input = make_capture();
    ASSERT_EQ(::pwrite(input.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    Child logger(
        {.argv = {"logger", "--udp", "--socket", socket_, "--socket-errors=on", "--tag", "test"}, .env = {}},
        input.get());
    ASSERT_TRUE(logger.exits_with(0)) << logger.err();
  }

  TempDir dir_;
  TempDir ram_ = TempDir::in_ram();
  std::string fifo_ = dir_ / "fifo";
  std::string socket_ = dir_ / GetParam().socket;
};

TEST_P(SyslogdTest, ARestartEndsAPlainReader) {
  Child reader({.argv = {"cat", fifo_}, .env = {}});
  // Held until the syslogd's line is there: it may find no reader otherwise, and busybox closes the FIFO
  // every second.
  UniqueFd holder_fd;
  EXPECT_TRUE(eventually([&] {
    holder_fd.reset(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return static_cast<bool>(holder_fd);
  }));
  Child syslogd = start_syslogd();
  send_lines(0, 1);
  EXPECT_TRUE(eventually([&] { return numbers_in(reader.out()).size() == 1; })) << reader.out();
  holder_fd.reset();
  stop_syslogd(syslogd);
  EXPECT_TRUE(reader.exits_with(0)) << "it did not see the end of file";
}

// What counts: a line that was sent while the syslogd was up, and was in the log before the restart. A line
// that is in the syslogd's socket or its queues when it is asked to end is the syslogd's to lose, so each
// round waits for its own lines. The restart is then all that stands between one round and the next, as in
// the night of the failure.
TEST_P(SyslogdTest, TwentyRestartsCostSlurperNothing) {
  constexpr int kRestarts = 20;
  constexpr int kLines = 50;
  const LogStream log(dir_ / "messages");
  // No holder here: between two syslogds, slurper's own descriptor is all that keeps the FIFO from its end.
  Child slurper({.argv = {slurper_binary(), "run", "--fifo", fifo_, "--log", dir_ / "messages", "--set",
                          "ring.directory=" + ram_.path()},
                 .env = {}});
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  int sent = 0;
  for (int round = 0; round <= kRestarts && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("after {} restarts", round));
    Child syslogd = start_syslogd();
    send_lines(sent, sent + kLines);
    sent += kLines;
    EXPECT_TRUE(eventually([&] { return numbers_in(log.bytes()).size() >= static_cast<std::size_t>(sent); }))
        << numbers_in(log.bytes()).size() << " of " << sent << " lines";
    stop_syslogd(syslogd);
  }
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  const std::vector<int> numbers = numbers_in(log.bytes());
  EXPECT_EQ(numbers.size(), static_cast<std::size_t>((kRestarts + 1) * kLines));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    ASSERT_EQ(numbers[i], static_cast<int>(i)) << "lost, doubled or out of order";
  fmt::print("{}: {} restarts, {} lines, all there\n", GetParam().name, kRestarts, numbers.size());
}

INSTANTIATE_TEST_SUITE_P(Daemons, SyslogdTest,
                         testing::Values(Syslogd{"rsyslogd", "socket", rsyslogd},
                                         Syslogd{"syslog_ng", "socket", syslog_ng},
                                         Syslogd{"inetutils", "socket", inetutils_syslogd},
                                         Syslogd{"busybox", "dev/log", busybox_syslogd}),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace slurper::test
