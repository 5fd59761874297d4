// A disk that can be made to hang: the one thing that a reader of a pipe can't do anything about.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "slurper/result.h"

namespace slurper::test {

// A small ext4 of its own, mounted from an image through a loop device, so that a freeze affects nothing
// else. The mount is in a private mount namespace of this process: it goes when the process does, whatever
// ends it. Needs root. For one thread, before the readers that shall see the mount are started.
class StalledDisk {
 public:
  // Makes 'disk.img' and mounts it on 'disk' in `directory`.
  static Result<StalledDisk> create(const std::filesystem::path& directory);
  StalledDisk(StalledDisk&& other) noexcept;
  StalledDisk& operator=(StalledDisk&&) = delete;
  ~StalledDisk();

  [[nodiscard]] const std::filesystem::path& path() const { return mount_; }

  // From `delay` from now on, for `duration`, every write to the disk hangs (FIFREEZE). Returns at once; a
  // process of its own does it, which thaws the disk even if this one is killed.
  Result<void> stall(std::chrono::milliseconds delay, std::chrono::milliseconds duration);

 private:
  StalledDisk() = default;

  std::filesystem::path mount_;  // empty: nothing is mounted
  pid_t staller_ = -1;
};

}  // namespace slurper::test
