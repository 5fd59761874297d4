#include "support/temp_dir.h"

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace slurper::test {

TempDir TempDir::on_disk() {
  const char* const parent = std::getenv("SLURPER_TEST_DIR");
  return TempDir(parent != nullptr ? parent : "/var/tmp");
}

TempDir TempDir::in_ram() {
  return TempDir("/dev/shm");
}

TempDir::TempDir(const std::filesystem::path& parent) {
  std::string name = parent / "slurper-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "cannot make a folder in " + parent.string());
  path_ = name;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // a leftover is no failure of what was tested
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace slurper::test
