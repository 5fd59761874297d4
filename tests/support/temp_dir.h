// TempDir: a folder for one test.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace slurper::test {

// Made empty, removed with everything in it. Throws std::runtime_error where it can't be made: a test has no
// use for going on.
class TempDir {
 public:
  // On a disk: /var/tmp, which unlike /tmp is no RAM file system, or $SLURPER_TEST_DIR.
  static TempDir on_disk();
  // In RAM, where rings live.
  static TempDir in_ram();

  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  explicit TempDir(const std::filesystem::path& parent);

  std::filesystem::path path_;
};

}  // namespace slurper::test
