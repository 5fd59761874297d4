#include "log/lock_holder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace slurper {

namespace {

// Everybody may read /proc/locks, but it bears no device numbers that stat(2) knows on btrfs, and some
// sandboxes leave it empty.
std::optional<pid_t> holder_by_locks(dev_t device, ino_t inode) {
  // "1: FLOCK  ADVISORY  WRITE 708 08:01:12345 0 EOF", the device in hex (proc_locks(5)).
  const std::string place = fmt::format("{:02x}:{:02x}:{}", major(device), minor(device), inode);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number;
    std::string type;
    std::string strength;
    std::string access;
    std::string at;
    pid_t pid = 0;
    words >> number >> type >> strength >> access >> pid >> at;
    // 0 and below: a process that this pid namespace does not see.
    if (words && type == "FLOCK" && at == place && pid > 0) return pid;
  }
  return std::nullopt;
}

bool has_open_for_writing(const std::filesystem::path& process, dev_t device, ino_t inode) {
  std::error_code denied;  // another user's process, or one that has just ended
  for (std::filesystem::directory_iterator fd(process / "fd", denied), end; !denied && fd != end;
       fd.increment(denied)) {
    struct stat file{};
    struct stat link{};
    // The link's owner bits tell how the descriptor was opened (proc_pid_fd(5)).
    if (::stat(fd->path().c_str(), &file) == 0 && file.st_dev == device && file.st_ino == inode &&
        ::lstat(fd->path().c_str(), &link) == 0 && (link.st_mode & S_IWUSR) != 0)
      return true;
  }
  return false;
}

std::optional<pid_t> holder_by_descriptors(dev_t device, ino_t inode) {
  std::error_code denied;
  for (std::filesystem::directory_iterator process("/proc", denied), end; !denied && process != end;
       process.increment(denied)) {
    const std::string name = process->path().filename();
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || rest != name.data() + name.size() || pid == getpid()) continue;
    if (has_open_for_writing(process->path(), device, inode)) return pid;
  }
  return std::nullopt;
}

}  // namespace

std::optional<pid_t> flock_holder(dev_t device, ino_t inode) {
  const auto holder = holder_by_locks(device, inode);
  return holder ? holder : holder_by_descriptors(device, inode);
}

}  // namespace slurper
