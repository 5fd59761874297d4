// Looks for real processes that have a FIFO open in every way there is.
#include "proc/open_descriptors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "log/log_files.h"
#include "support/child.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

using test::Child;
using test::eventually;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

class HoldersTest : public testing::Test {
 protected:
  HoldersTest() {
    EXPECT_EQ(::mkfifo(fifo_.c_str(), 0666), 0);
    own_fd_.reset(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    EXPECT_EQ(::fstat(own_fd_.get(), &st_), 0);
  }
  OpenDescriptors look() { return find_open_descriptors(st_.st_dev, st_.st_ino); }
  // A shell that has opened it as `redirection` says, once it has.
  Child shell(const std::string& redirection) {
    Child child({.argv = {"sh", "-c", "exec 7" + redirection + "; echo open; exec sleep 1000", "sh", fifo_},
                 .env = {}});
    EXPECT_TRUE(eventually([&] { return child.out() == "open\n"; }));
    const std::string comm = "/proc/" + std::to_string(child.pid()) + "/comm";
    EXPECT_TRUE(eventually([&] { return read_file(comm) == "sleep\n"; }));
    return child;
  }
  bool holds(pid_t pid, const std::string& command) {
    return std::ranges::any_of(look().open, [&](const OpenDescriptor& holder) {
      return holder.process.pid == pid && holder.command == command;
    });
  }

  test::TempDir directory_ = test::TempDir::in_ram();
  std::string fifo_ = directory_ / "fifo";
  UniqueFd own_fd_;
  struct stat st_{};
};

TEST_F(HoldersTest, NamesEveryProcessButItsOwnWithItsDescriptorAndAccess) {
  EXPECT_THAT(look().open, IsEmpty());
  const Child reader = shell("<\"$1\"");
  const Child writer = shell(">\"$1\"");
  const Child both = shell("<>\"$1\"");
  std::vector<OpenDescriptor> found = look().open;
  ASSERT_THAT(found, SizeIs(3));
  for (const auto& [child, access] : {std::pair(&reader, Access::Read), std::pair(&writer, Access::Write),
                                      std::pair(&both, Access::ReadWrite)}) {
    const auto holder =
        std::ranges::find(found, child->pid(), [](const OpenDescriptor& h) { return h.process.pid; });
    ASSERT_NE(holder, found.end());
    EXPECT_EQ(holder->access, access);
    EXPECT_EQ(holder->command, "sleep");
    EXPECT_EQ(holder->fd, 7);
    EXPECT_EQ(holder->parent, ::getpid());
    EXPECT_GT(holder->process.start_time, 0U);
  }
}

TEST_F(HoldersTest, OneThatCameThroughProcIsFoundWhateverItsLinkSays) {
  const std::string through = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(own_fd_.get());
  const Child reader = shell("<" + through);
  // Another FIFO with the same path as the link's text.
  ASSERT_EQ(::rename(fifo_.c_str(), (directory_ / "moved").c_str()), 0);
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  const Child other = shell("<>\"$1\"");
  EXPECT_THAT(look().open, ElementsAre(Field(&OpenDescriptor::access, Access::Read)));
  EXPECT_EQ(look().open.at(0).process.pid, reader.pid());
}

TEST_F(HoldersTest, ADescriptorThatCanNotReadOrWriteHasNoAccess) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(own_fd_.release());
    (void)::open(fifo_.c_str(), O_PATH);
    for (;;) ::pause();
  }
  EXPECT_TRUE(eventually([&] {
    const auto open = look().open;
    return open.size() == 1 && open[0].process.pid == pid && open[0].access == Access::None;
  }));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// Its name tries to pass for the rest of the line.
TEST_F(HoldersTest, AnyNameIsTakenAsItIs) {
  const std::string name = ") S 1 2 (\n";
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, name.c_str());
    for (;;) ::pause();
  }
  EXPECT_TRUE(eventually([&] { return holds(pid, name); }));
  const auto open = look().open;
  EXPECT_EQ(open.at(0).parent, ::getpid());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// Then /proc shows the process as a zombie without descriptors.
TEST_F(HoldersTest, FindsThoseOfAProcessWhoseFirstThreadHasEnded) {
  const Child process({.argv = {"python3", "-c",
                                "import ctypes, os, sys, threading\n"
                                "fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)\n"
                                "threading.Thread(target=lambda: ctypes.CDLL(None).pause()).start()\n"
                                "ctypes.CDLL(None).pthread_exit(None)\n",
                                fifo_},
                       .env = {}});
  const std::string status = "/proc/" + std::to_string(process.pid()) + "/status";
  ASSERT_TRUE(eventually([&] { return read_file(status).contains("State:\tZ"); })) << process.err();
  const auto open = look().open;
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0].process.pid, process.pid());
  EXPECT_EQ(open[0].access, Access::Read);
}

TEST_F(HoldersTest, SaysHowManyItMayNotSee) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Child reader = shell("<\"$1\"");
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  const UniqueFd answer_read_fd(fds[0]);
  UniqueFd answer_write_fd(fds[1]);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(1);
    const OpenDescriptors holders = look();
    const std::array<std::size_t, 2> answer = {holders.open.size(), holders.unseen.size()};
    ::_exit(::write(answer_write_fd.get(), answer.data(), sizeof answer) == sizeof answer ? 0 : 1);
  }
  answer_write_fd.reset();
  std::array<std::size_t, 2> answer{};
  EXPECT_EQ(::read(answer_read_fd.get(), answer.data(), sizeof answer), static_cast<ssize_t>(sizeof answer));
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(answer[0], 0U);
  EXPECT_GT(answer[1], 0U);
}

// It may list the descriptors of other processes of root, but not follow them: no reader is not the answer.
TEST_F(HoldersTest, RootThatMayTraceNoneSeesNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root lists the descriptors of all processes";
  const Child reader = shell("<\"$1\"");
  const pid_t kernel_thread = 2;
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  const UniqueFd answer_read_fd(fds[0]);
  UniqueFd answer_write_fd(fds[1]);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) ::_exit(1);
    for (auto* set : {&data[0].effective, &data[0].permitted}) *set &= ~(1U << CAP_SYS_PTRACE);
    if (::syscall(SYS_capset, &header, data.data()) != 0) ::_exit(1);
    const OpenDescriptors holders = look();
    const auto counts = [&](pid_t one) { return std::ranges::count(holders.unseen, one); };
    const std::array<long, 4> answer = {counts(reader.pid()), counts(::getppid()), counts(kernel_thread),
                                        holders.complete() ? 1 : 0};
    ::_exit(::write(answer_write_fd.get(), answer.data(), sizeof answer) == sizeof answer ? 0 : 1);
  }
  answer_write_fd.reset();
  std::array<long, 4> answer{-1, -1, -1, -1};
  EXPECT_EQ(::read(answer_read_fd.get(), answer.data(), sizeof answer), static_cast<ssize_t>(sizeof answer));
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(answer[0], 1) << "the reader";
  EXPECT_EQ(answer[1], 1) << "this process";
  EXPECT_EQ(answer[2], 0) << "a kernel thread has no files";
  EXPECT_EQ(answer[3], 0);
}

TEST_F(HoldersTest, StopsWhenItIsTold) {
  const Child reader = shell("<\"$1\"");
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(find_open_descriptors(st_.st_dev, st_.st_ino, source.get_token()).open, IsEmpty());
}

}  // namespace
}  // namespace slurper
