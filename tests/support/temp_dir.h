// TempDir: a folder for one test.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace slurper::test {

// Made empty, removed with everything in it. Everybody may enter it, whatever the umask. Throws
// std::system_error if it can't be made: the test can't continue.
class TempDir {
 public:
  // On a disk, which has everything that a log's folder should have: /var/tmp, which unlike /tmp is no RAM
  // file system, or $SLURPER_TEST_DIR.
  TempDir() : TempDir(disk()) {}
  // In RAM, where rings live.
  static TempDir in_ram() { return TempDir("/dev/shm"); }

  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir() {
    if (path_.empty()) return;
    std::error_code ignored;  // a leftover is no failure of what was tested
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

 private:
  explicit TempDir(const std::string& parent) : path_(parent + "/slurper-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr || ::chmod(path_.c_str(), 0755) != 0)
      throw std::system_error(errno, std::generic_category(), "cannot make a folder in " + parent);
  }
  static std::string disk() {
    const char* const chosen = std::getenv("SLURPER_TEST_DIR");
    return chosen != nullptr ? chosen : "/var/tmp";
  }

  std::string path_;
};

}  // namespace slurper::test
