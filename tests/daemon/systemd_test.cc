// What systemd and slurper say to each other: the test is the service manager. See e2e/ for a real one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/daemon.h"
#include "support/flock_holder.h"
#include "support/kill_at.h"
#include "support/service_manager.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Like Site, but no process holds the FIFO open.
struct Machine {
  TempDir disk;
  TempDir ram = TempDir::in_ram();
  std::string fifo = disk / "fifo";
  LogStream log{disk / "messages"};
  ServiceManager systemd;

  Machine() { EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0); }

  [[nodiscard]] Child start(const std::vector<std::pair<std::string, int>>& passed = {},
                            std::vector<std::string> env = {}) {
    return Child(program(std::move(env), passed));
  }
  [[nodiscard]] Program program(std::vector<std::string> env,
                                const std::vector<std::pair<std::string, int>>& passed = {}) {
    return systemd.run({.argv = {slurper_binary(), "run", "--fifo", fifo, "--log", disk / "messages", "--set",
                                 "ring.directory=" + ram.path()},
                        .env = std::move(env)},
                       passed);
  }
  [[nodiscard]] bool ready() { return systemd.hears("READY=1"); }
  // As `echo TEXT >FIFO` does. False if no process reads, or if there is no room.
  [[nodiscard]] bool write(const std::string& text) const {
    const UniqueFd fd(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  [[nodiscard]] bool logged(const std::string& expected) const {
    return eventually([&] { return log.end() == expected.size(); }) && log.bytes() == expected;
  }
};

// Access modes of every descriptor that `pid` has of the file at `path`.
std::vector<int> ends_of(pid_t pid, const std::string& path) {
  struct stat wanted{};
  EXPECT_EQ(::stat(path.c_str(), &wanted), 0);
  std::vector<int> modes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    struct stat st{};
    if (::stat(entry.path().c_str(), &st) != 0 || st.st_ino != wanted.st_ino || st.st_dev != wanted.st_dev)
      continue;
    const auto permissions = std::filesystem::symlink_status(entry.path()).permissions();
    const bool reads = (permissions & std::filesystem::perms::owner_read) != std::filesystem::perms::none;
    const bool writes = (permissions & std::filesystem::perms::owner_write) != std::filesystem::perms::none;
    if (!reads && !writes) continue;  // O_PATH: the watch knows the FIFO by it, and holds no end
    modes.push_back(reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY);
  }
  std::sort(modes.begin(), modes.end());
  return modes;
}

std::vector<int> own_ends() {
  return {O_RDONLY, O_WRONLY};
}

TEST(FdStore, BothEndsAreStoredAndKeepTheLinesOfAKilledSlurper) {
  Machine machine;
  Child first = machine.start();
  ASSERT_TRUE(machine.ready());
  ASSERT_THAT(machine.systemd.store(), SizeIs(2));
  for (const auto& [name, fd, message] : machine.systemd.store()) {
    EXPECT_THAT(message, HasSubstr("FDPOLL=0"));
    EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, name == "slurper-read" ? O_RDONLY : O_WRONLY) << name;
  }
  ASSERT_TRUE(machine.write("one\n"));
  ASSERT_TRUE(machine.logged("one\n"));

  // Nobody but the store has the FIFO open between the kill and the next start.
  first.kill();
  ASSERT_TRUE(machine.write("two\n")) << "the store does not hold it open for reading";
  Child second = machine.start(machine.systemd.stored());
  ASSERT_TRUE(machine.ready()) << second.err();
  EXPECT_TRUE(machine.logged("one\ntwo\n"));
  EXPECT_THAT(machine.systemd.store(), SizeIs(2)) << "they are there already";
  EXPECT_EQ(ends_of(second.pid(), machine.fifo), own_ends()) << "those that were passed are closed";
}

TEST(FdStore, TheLockGoesWithSlurper) {
  Machine machine;
  Child slurper = machine.start();
  ASSERT_TRUE(machine.ready());
  slurper.kill();
  ASSERT_THAT(machine.systemd.store(), SizeIs(2));
  const UniqueFd other(::open(machine.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

TEST(FdStore, ALockThatWasStoredByMistakeLocksNobodyOut) {
  Machine machine;
  const UniqueFd locked(::open(machine.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::flock(locked.get(), LOCK_EX | LOCK_NB), 0);
  Child slurper = machine.start({{"slurper-read", locked.get()}});
  EXPECT_TRUE(machine.ready()) << slurper.err();
}

// The FIFO was replaced, or fifo.path has changed, while slurper was down.
class FormerFifo : public testing::Test {
 protected:
  FormerFifo() { EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0); }

  Machine machine_;
  std::string path_ = machine_.disk / "former";
};

TEST_F(FormerFifo, IsReadToItsEndAndItsEndsAreForgotten) {
  UniqueFd read_fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  UniqueFd write_fd(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  UniqueFd writer(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::write(writer.get(), "old\n", 4), 4);
  auto& systemd = machine_.systemd;
  Child slurper(machine_.program({}, {{"slurper-read", read_fd.get()}, {"slurper-write", write_fd.get()}}));
  ASSERT_TRUE(systemd.hears("FDSTOREREMOVE=1\nFDNAME=slurper-read"));
  ASSERT_TRUE(systemd.hears("FDSTOREREMOVE=1\nFDNAME=slurper-write"));
  systemd.release_passed();
  read_fd.reset();
  write_fd.reset();
  ASSERT_TRUE(machine_.ready());
  EXPECT_TRUE(slurper.said("removed 'slurper-read' from the file-descriptor store: it is another FIFO"))
      << slurper.err();
  EXPECT_TRUE(slurper.said("from the file-descriptor store: it is another FIFO")) << slurper.err();
  ASSERT_THAT(systemd.store(), SizeIs(2));
  struct stat st{};
  struct stat expected{};
  ASSERT_EQ(::stat(machine_.fifo.c_str(), &expected), 0);
  for (const auto& stored : systemd.store()) {
    ASSERT_EQ(::fstat(stored.fd.get(), &st), 0);
    EXPECT_EQ(st.st_ino, expected.st_ino) << stored.name;
  }
  ASSERT_TRUE(machine_.logged("old\n"));
  ASSERT_EQ(::write(writer.get(), "its writer is still there\n", 26), 26);
  ASSERT_TRUE(machine_.logged("old\nits writer is still there\n"));
  ASSERT_TRUE(machine_.write("new\n"));
  ASSERT_TRUE(machine_.logged("old\nits writer is still there\nnew\n"));
  writer.reset();
  EXPECT_TRUE(eventually([&] { return ends_of(slurper.pid(), path_).empty(); })) << "the last writer is gone";
}

TEST_F(FormerFifo, IsLeftToASlurperThatReadsItNow) {
  const UniqueFd read_fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const UniqueFd other(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const FlockHolder reader(path_, FlockHolder::slurper());
  ASSERT_EQ(::write(other.get(), "line\n", 5), 5);
  Child slurper(machine_.program({}, {{"slurper-read", read_fd.get()}}));
  ASSERT_TRUE(machine_.ready());
  EXPECT_TRUE(slurper.said("removed 'slurper-read' from the file-descriptor store: it is another FIFO"))
      << slurper.err();
  EXPECT_THAT(ends_of(slurper.pid(), path_), IsEmpty());
  std::array<char, 8> text{};
  EXPECT_EQ(::read(other.get(), text.data(), text.size()), 5) << "nothing was taken from it";
}

TEST(FdStore, AnUnknownNameIsForgotten) {
  Machine machine;
  const UniqueFd something(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Child slurper = machine.start({{"slurper-fifo-v0", something.get()}});
  EXPECT_TRUE(machine.systemd.hears("FDSTOREREMOVE=1\nFDNAME=slurper-fifo-v0"));
  EXPECT_TRUE(machine.ready());
  EXPECT_TRUE(slurper.said(
      "removed 'slurper-fifo-v0' from the file-descriptor store: it is none that this slurper knows"))
      << slurper.err();
}

// The names that this version uses, for something else: an older one may have meant it otherwise.
TEST(FdStore, WhatIsNotTheEndThatItsNameSaysIsReplaced) {
  for (const bool is_fifo : {true, false}) {
    Machine machine;
    const UniqueFd stored(
        ::open(is_fifo ? machine.fifo.c_str() : "/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (is_fifo) {
      ASSERT_TRUE(machine.write("in the pipe\n"));
    }
    Child slurper = machine.start({{"slurper-read", stored.get()}, {"slurper-write", stored.get()}});
    ASSERT_TRUE(machine.systemd.hears("FDSTOREREMOVE=1\nFDNAME=slurper-read"));
    ASSERT_TRUE(machine.systemd.hears("FDSTOREREMOVE=1\nFDNAME=slurper-write"));
    ASSERT_TRUE(machine.ready()) << slurper.err();
    EXPECT_TRUE(slurper.said(is_fifo ? "it is not the end that it should be" : "it is not a FIFO"))
        << slurper.err();
    ASSERT_THAT(machine.systemd.store(), SizeIs(2));
    for (const auto& [name, fd, message] : machine.systemd.store())
      EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, name == "slurper-read" ? O_RDONLY : O_WRONLY) << name;
    EXPECT_TRUE(machine.logged(is_fifo ? "in the pipe\n" : ""));
  }
}

TEST(FdStore, NothingIsSentWhereNobodyListens) {
  const Site site;
  Child slurper = site.start();
  EXPECT_EQ(ends_of(slurper.pid(), site.fifo), own_ends());
}

TEST(SocketUnit, ItsFifoIsAdopted) {
  for (const char* const name : {"fifo", "slurper.socket"}) {
    Machine machine;
    const UniqueFd held(::open(machine.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(machine.write("before\n"));
    Child slurper = machine.start({{name, held.get()}});
    ASSERT_TRUE(machine.ready()) << slurper.err();
    EXPECT_TRUE(machine.logged("before\n"));
    EXPECT_EQ(ends_of(slurper.pid(), machine.fifo), own_ends()) << "the one that was passed is closed";
    EXPECT_THAT(machine.systemd.store(), IsEmpty()) << "systemd holds it already";
  }
}

class WrongDescriptor : public testing::Test {
 protected:
  void expect_refused(int fd, const std::string& words) {
    Child slurper = machine_.start({{"fifo", fd}});
    EXPECT_TRUE(slurper.exits_with(78)) << slurper.err();
    EXPECT_THAT(slurper.err(), HasSubstr(words));
    EXPECT_THAT(slurper.err(), HasSubstr(machine_.fifo));
    EXPECT_THAT(slurper.err(), HasSubstr("ListenFIFO="));
    EXPECT_FALSE(std::filesystem::exists(machine_.disk / "messages")) << "nothing is made";
  }
  Machine machine_;
};

TEST_F(WrongDescriptor, NoFifo) {
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  expect_refused(file.get(), "the descriptor 'fifo', which is not a FIFO");
}

TEST_F(WrongDescriptor, AnotherFifo) {
  const std::string other = machine_.disk / "other";
  ASSERT_EQ(::mkfifo(other.c_str(), 0600), 0);
  const UniqueFd held(::open(other.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::write(held.get(), "line\n", 5), 5);
  expect_refused(held.get(), "another FIFO");
  char text[8];
  EXPECT_EQ(::read(held.get(), text, sizeof text), 5) << "what it holds stays there";
}

// A unit that names another path, whose FIFO has been removed since: not this one's.
TEST_F(WrongDescriptor, AnotherFifoThatIsGone) {
  const std::string other = machine_.disk / "other";
  ASSERT_EQ(::mkfifo(other.c_str(), 0600), 0);
  const UniqueFd held(::open(other.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::unlink(other.c_str()), 0);
  expect_refused(held.get(), "another FIFO");
}

// Nothing tells a FIFO that was renamed from one that fifo.path never named.
TEST_F(WrongDescriptor, TheFifoWasRenamed) {
  const UniqueFd held(::open(machine_.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  std::filesystem::rename(machine_.fifo, machine_.disk / "renamed");
  expect_refused(held.get(), "another FIFO");
  EXPECT_FALSE(std::filesystem::exists(machine_.fifo)) << "no second one is made";
}

// The socket unit's FIFO was removed while slurper was down. The unit knows no other one until it is
// restarted.
class SocketUnitBehind : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::write(held_.get(), "old\n", 4), 4);
    ASSERT_EQ(::unlink(machine_.fifo.c_str()), 0);
  }
  // The new one is served and in the store, the old one is read as long as the unit holds it.
  void expect_both_served(Child& slurper) {
    EXPECT_TRUE(slurper.said("which was at '" + machine_.fifo + "' before, and is read to its end"))
        << slurper.err();
    ASSERT_TRUE(machine_.logged("old\n"));
    ASSERT_TRUE(machine_.write("new\n"));
    ASSERT_TRUE(machine_.logged("old\nnew\n"));
    ASSERT_EQ(::write(held_.get(), "old again\n", 10), 10);
    ASSERT_TRUE(machine_.logged("old\nnew\nold again\n"));
    ASSERT_THAT(machine_.systemd.store(), SizeIs(2));
    struct stat st{};
    struct stat expected{};
    ASSERT_EQ(::stat(machine_.fifo.c_str(), &expected), 0);
    for (const auto& stored : machine_.systemd.store()) {
      ASSERT_EQ(::fstat(stored.fd.get(), &st), 0);
      EXPECT_EQ(st.st_ino, expected.st_ino) << stored.name;
    }
  }
  [[nodiscard]] std::vector<std::pair<std::string, int>> passed() const {
    auto all = machine_.systemd.stored();
    all.emplace_back("fifo", held_.get());
    return all;
  }

  Machine machine_;
  UniqueFd held_{::open(machine_.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
};

TEST_F(SocketUnitBehind, TheFifoIsMadeAnew) {
  Child slurper = machine_.start(passed());
  ASSERT_TRUE(machine_.ready()) << slurper.err();
  expect_both_served(slurper);
}

TEST_F(SocketUnitBehind, TheOneThatReplacedItIsServedAndOutlivesAKill) {
  ASSERT_EQ(::mkfifo(machine_.fifo.c_str(), 0600), 0);
  Child first = machine_.start(passed());
  ASSERT_TRUE(machine_.ready()) << first.err();
  expect_both_served(first);
  first.kill();
  ASSERT_TRUE(machine_.write("in the store\n"));
  ASSERT_EQ(::write(held_.get(), "in the unit\n", 12), 12);
  Child second = machine_.start(passed());
  ASSERT_TRUE(machine_.ready()) << second.err();
  ASSERT_TRUE(eventually([&] { return machine_.log.end() == 18U + 13 + 12; })) << machine_.log.bytes();
  EXPECT_THAT(machine_.log.bytes(), HasSubstr("in the store\n"));
  EXPECT_THAT(machine_.log.bytes(), HasSubstr("in the unit\n"));
}

// Renamed, and made anew by the slurper that ran then: the store knows.
TEST(SocketUnit, ASuccessorInTheStoreTellsThatItsFifoWasRenamed) {
  Machine machine;
  const UniqueFd held(::open(machine.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  Child first = machine.start({{"fifo", held.get()}});
  ASSERT_TRUE(machine.ready()) << first.err();
  std::filesystem::rename(machine.fifo, machine.disk / "renamed");
  ASSERT_TRUE(eventually([&] {
    return std::filesystem::exists(machine.fifo) && machine.systemd.hears("FDNAME=slurper-write\nFDPOLL=0");
  }));
  first.kill();
  ASSERT_TRUE(machine.write("new\n"));
  ASSERT_EQ(::write(held.get(), "old\n", 4), 4);
  auto passed = machine.systemd.stored();
  ASSERT_THAT(passed, SizeIs(2));
  passed.emplace_back("fifo", held.get());
  Child second = machine.start(passed);
  ASSERT_TRUE(machine.ready()) << second.err();
  EXPECT_TRUE(eventually([&] { return machine.log.end() == 8; })) << machine.log.bytes();
}

TEST(Status, SaysReloadingAndReadyAgain) {
  Machine machine;
  Child slurper = machine.start();
  ASSERT_TRUE(machine.ready());
  slurper.signal(SIGHUP);
  EXPECT_TRUE(machine.systemd.hears("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_TRUE(machine.ready());
}

// The descriptors of `pid` whose link has `text` in it.
std::size_t descriptors(pid_t pid, const std::string& text) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone).string().find(text) != std::string::npos) ++count;
  }
  return count;
}

TEST(Watchdog, NoTimerWithoutOne) {
  Machine machine;
  Child slurper = machine.start();
  ASSERT_TRUE(machine.ready());
  EXPECT_EQ(descriptors(slurper.pid(), "[timerfd]"), 0U) << "an idle slurper must not wake up";
  Machine watched;
  Child with = watched.start({}, {"WATCHDOG_USEC=600000000"});
  EXPECT_TRUE(eventually([&] { return descriptors(with.pid(), "[timerfd]") == 1; }));
}

TEST(Watchdog, IsFedAndTheStatusIsRenewed) {
  Machine machine;
  Child slurper = machine.start({}, {"WATCHDOG_USEC=1000000"});
  ASSERT_TRUE(machine.ready());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(machine.systemd.hears("WATCHDOG=1"));
  std::string thousand;
  for (int i = 0; i < 1000; ++i) thousand += "line\n";
  ASSERT_TRUE(machine.write(thousand));
  double rate = 0;
  std::string last;
  ASSERT_TRUE(eventually([&] {
    for (const std::string& message : machine.systemd.messages()) {
      if (!message.starts_with("STATUS=")) continue;
      rate = std::max(rate, std::strtod(message.c_str() + 7, nullptr));
      last = message;
    }
    return rate > 0 && last == "STATUS=0 lines/s, 0B wait in the ring of 64.0MiB, all well";
  })) << last;
  EXPECT_GE(rate, 100);
  EXPECT_LE(rate, 3400) << "a thousand lines in a third of a second";
}

// Whether the thread of `pid` with this name waits in futex(2).
bool sleeps(pid_t pid, const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::string word;
    if (std::ifstream(task.path() / "comm") >> word && word == name)
      return std::ifstream(task.path() / "syscall") >> word && word == std::to_string(SYS_futex);
  }
  return false;
}

TEST(Watchdog, IsNotFedWhereTheLogsThreadHangs) {
  Machine machine;
  Child slurper = machine.start({}, {"WATCHDOG_USEC=1000000"});
  ASSERT_TRUE(machine.ready());
  // Held elsewhere, while it starts, it would look like one that waits for the kernel.
  ASSERT_TRUE(eventually([&] { return sleeps(slurper.pid(), "log"); }));
  const StalledThreads stalled(slurper.pid());
  ASSERT_TRUE(machine.systemd.hears("WATCHDOG=1")) << "it has nothing to do: no reason to doubt it";
  ASSERT_TRUE(machine.write("line\n"));
  ASSERT_TRUE(
      machine.systemd.hears("STATUS=0 lines/s, 5B wait in the ring of 64.0MiB, THE LOG'S THREAD HANGS"));
  (void)machine.systemd.messages();
  EXPECT_FALSE(machine.systemd.hears("WATCHDOG=1", std::chrono::seconds(1)));
}

TEST(Watchdog, IsFedWhereTheDiskStalls) {
  Machine machine;
  // strace holds the thread at the entry of its write(2).
  Program run = machine.program({"WATCHDOG_USEC=1000000"});
  run.argv.insert(run.argv.begin(),
                  {"strace", "-f", "-o", "/dev/null", "-e", "trace=write", "-P", machine.disk / "messages",
                   "-e", "inject=write:delay_enter=6000000:when=1",
                   // slurper is strace's child, and outlives a strace that is killed.
                   "setpriv", "--pdeathsig=KILL"});
  Child slurper(run);
  ASSERT_TRUE(machine.ready()) << slurper.err();
  ASSERT_TRUE(machine.write("line\n"));
  ASSERT_TRUE(machine.systemd.hears("THE LOG'S DISK DOES NOT ANSWER: for 3 s")) << slurper.err();
  EXPECT_TRUE(machine.systemd.hears("WATCHDOG=1"));
  EXPECT_TRUE(machine.systemd.hears("WATCHDOG=1"));
  EXPECT_TRUE(machine.logged("line\n"));
  EXPECT_TRUE(machine.systemd.hears(" lines/s, 0B wait in the ring of 64.0MiB"));
  EXPECT_TRUE(slurper.said("the log's disk answers again")) << slurper.err();
  EXPECT_THAT(slurper.err(), Not(HasSubstr("hung")));
}

}  // namespace
}  // namespace slurper::test
