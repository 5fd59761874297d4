// SmallDisk: a file system that gets full soon.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace slurper::test {

// Whether this process may mount; if so, it has a mount namespace of its own from here on, and no
// other process sees its mounts. Needs root. To be called before the test has other threads.
[[nodiscard]] bool may_mount();

// A tmpfs of its own on `directory`, unmounted at the end of its life. Throws std::system_error if it
// can't be made: see may_mount().
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path directory, std::uint64_t size);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  void resize(std::uint64_t size);
  [[nodiscard]] std::string operator/(std::string_view name) const { return (directory_ / name).string(); }

 private:
  std::filesystem::path directory_;
};

}  // namespace slurper::test
