#include "support/stalled_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"

namespace slurper::test {

namespace {

constexpr off_t kDiskSize = 1 << 30;  // sparse

Status run(const std::string& command) {
  // Paths are the benchmark's own, without quotes in them.
  if (std::system(command.c_str()) == 0) return {};
  return fail(ErrorKind::Io, own_words(fmt::format("run `{}`", command)), own_words("it failed"));
}

}  // namespace

Result<StalledDisk> StalledDisk::create(const std::filesystem::path& directory) {
  const std::filesystem::path image = directory / "disk.img";
  const std::filesystem::path mount = directory / "disk";
  std::filesystem::create_directory(mount);
  {
    const UniqueFd image_fd(::open(image.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!image_fd || ::ftruncate(image_fd.get(), kDiskSize) < 0)
      return fail_errno(errno, own_words("make a disk image"));
  }
  if (::unshare(CLONE_NEWNS) < 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    return fail_errno(errno, own_words("make a private mount namespace"),
                      own_words("Run the benchmark as root."));
  }
  if (auto made = run(fmt::format("mkfs.ext4 -q -F '{}'", image.native())); !made) {
    return std::unexpected(made.error());
  }
  if (auto done = run(fmt::format("mount -o loop '{}' '{}'", image.native(), mount.native())); !done) {
    return std::unexpected(done.error());
  }
  StalledDisk disk;
  disk.mount_ = mount;
  return disk;
}

StalledDisk::StalledDisk(StalledDisk&& other) noexcept
    : mount_(std::exchange(other.mount_, {})), staller_(std::exchange(other.staller_, -1)) {}

StalledDisk::~StalledDisk() {
  if (staller_ >= 0) ::waitpid(staller_, nullptr, 0);
  if (!mount_.empty()) ::umount2(mount_.c_str(), MNT_DETACH);
}

Result<void> StalledDisk::stall(std::chrono::milliseconds delay, std::chrono::milliseconds duration) {
  const UniqueFd disk_fd(::open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!disk_fd) return fail_errno(errno, own_words("open the disk to stall"));
  staller_ = ::fork();
  if (staller_ < 0) return fail_errno(errno, own_words("start the process that stalls the disk"));
  if (staller_ > 0) return {};
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  std::this_thread::sleep_for(delay);
  const bool frozen = ::ioctl(disk_fd.get(), FIFREEZE, 0) == 0;
  if (frozen) {
    std::this_thread::sleep_for(duration);
    ::ioctl(disk_fd.get(), FITHAW, 0);
  }
  ::_exit(frozen ? 0 : 1);
}

}  // namespace slurper::test
