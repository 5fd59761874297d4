#include "support/small_disk.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace slurper::test {

bool may_mount() {
  static const bool may = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return may;
}

SmallDisk::SmallDisk(std::filesystem::path directory, std::uint64_t size) : directory_(std::move(directory)) {
  std::filesystem::create_directories(directory_);
  if (::mount("slurper-test", directory_.c_str(), "tmpfs", 0, fmt::format("size={}", size).c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot mount on " + directory_.string());
}

SmallDisk::~SmallDisk() {
  ::umount2(directory_.c_str(), MNT_DETACH);
}

void SmallDisk::resize(std::uint64_t size) {
  if (::mount("slurper-test", directory_.c_str(), "tmpfs", MS_REMOUNT,
              fmt::format("size={}", size).c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot resize " + directory_.string());
}

}  // namespace slurper::test
