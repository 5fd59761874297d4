// Finds processes that wait in open(2), whatever else waits there.
#include "proc/opening_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/child.h"
#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

bool waits_in_open(pid_t pid) {
  return eventually([&] {
    return content_of(fmt::format("/proc/{}/syscall", pid)).starts_with(fmt::format("{} ", SYS_openat));
  });
}

class OpeningProcesses : public testing::Test {
 protected:
  FileId make_fifo(const std::string& path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    struct stat st{};
    EXPECT_EQ(::stat(path.c_str(), &st), 0);
    return {.device = st.st_dev, .inode = st.st_ino};
  }

  TempDir folder_ = TempDir::in_ram();
};

TEST_F(OpeningProcesses, AreFoundByEachWayToThePath) {
  const FileId fifo = make_fifo(folder_ / "fifo");
  const FileId other = make_fifo(folder_ / "other");
  std::filesystem::create_symlink("fifo", folder_ / "link");
  const Child absolute({.argv = {"cat", folder_ / "fifo"}, .env = {}});
  const Child by_link({.argv = {"cat", folder_ / "link"}, .env = {}});
  const Child relative(
      {.argv = {"sh", "-c", "cd \"$1\" && exec cat ./fifo", "sh", folder_.path()}, .env = {}});
  for (const Child* const one : {&absolute, &by_link, &relative}) ASSERT_TRUE(waits_in_open(one->pid()));
  std::vector<pid_t> pids;
  ASSERT_TRUE(eventually([&] { return find_opening_processes(fifo).size() == 3; }));
  for (const OpeningProcess& one : find_opening_processes(fifo)) {
    EXPECT_EQ(one.access, Access::Read);
    pids.push_back(one.process.pid);
  }
  EXPECT_THAT(pids, testing::UnorderedElementsAre(absolute.pid(), by_link.pid(), relative.pid()));
  EXPECT_THAT(find_opening_processes(other), IsEmpty());
}

// A link to an absolute path leads elsewhere in a process with another root.
TEST_F(OpeningProcesses, FollowLinksInTheirOwnRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change its root";
  const FileId fifo = make_fifo(folder_ / "slurper-test-fifo");
  std::filesystem::create_symlink("/slurper-test-fifo", folder_ / "link");
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::chroot(folder_.path().c_str()) != 0 || ::chdir("/") != 0) ::_exit(1);
    (void)::open("/link", O_WRONLY | O_CLOEXEC);
    ::_exit(0);
  }
  EXPECT_TRUE(waits_in_open(pid));
  std::vector<OpeningProcess> found;
  EXPECT_TRUE(eventually([&] { return !(found = find_opening_processes(fifo)).empty(); }));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].process.pid, pid);
  EXPECT_EQ(found[0].access, Access::Write);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// A file system whose server never answers. Released, with all that wait for it, at the end of its life.
class DeadServer {
 public:
  explicit DeadServer(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    server_fd_.reset(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    const std::string options = fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", server_fd_.get());
    is_mounted_ = server_fd_ && ::mount("none", folder_.c_str(), "fuse", 0, options.c_str()) == 0;
  }
  DeadServer(const DeadServer&) = delete;
  DeadServer& operator=(const DeadServer&) = delete;
  ~DeadServer() { release(); }

  void release() {
    server_fd_.reset();
    if (std::exchange(is_mounted_, false)) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::string folder_;
  UniqueFd server_fd_;
  bool is_mounted_ = false;
};

TEST_F(OpeningProcesses, AreFoundBesideOneThatWaitsForADeadServer) {
  DeadServer server(folder_ / "server");
  if (!server.is_mounted()) GTEST_SKIP() << "a FUSE file system cannot be mounted here";
  const FileId fifo = make_fifo(folder_ / "fifo");
  const Child hangs({.argv = {"cat", folder_ / "server/file"}, .env = {}});
  const Child waits({.argv = {"cat", folder_ / "fifo"}, .env = {}});
  ASSERT_TRUE(waits_in_open(hangs.pid()));
  ASSERT_TRUE(waits_in_open(waits.pid()));
  std::atomic<bool> is_done = false;
  std::vector<OpeningProcess> found;
  std::thread search([&] {
    found = find_opening_processes(fifo);
    is_done = true;
  });
  EXPECT_TRUE(eventually([&] { return is_done.load(); })) << "it waits for the server, too";
  server.release();
  search.join();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].process.pid, waits.pid());
}

}  // namespace
}  // namespace slurper::test
