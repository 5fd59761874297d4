// Packages: syslogds that are not installed.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace slurper::test {

// Where scripts/fetch-packages has unpacked Debian's packages, and what is in there. SLURPER_SYSLOGDS is set
// by the test's CMakeLists.txt.
class Packages {
 public:
  [[nodiscard]] static std::filesystem::path root() { return SLURPER_SYSLOGDS; }
  // usr/lib/x86_64-linux-gnu, whatever this machine's processor is.
  [[nodiscard]] static std::filesystem::path libraries() {
    return child_of(root() / "usr/lib", [](const std::string& name) { return name.ends_with("-linux-gnu"); });
  }
  [[nodiscard]] static std::filesystem::path syslog_ng_modules() {
    return child_of(root() / "usr/lib/syslog-ng",
                    [](const std::string& name) { return name.starts_with("3."); });
  }
  [[nodiscard]] static std::vector<std::string> env() {
    return {
        fmt::format("LD_LIBRARY_PATH={}:{}", libraries().string(), (root() / "usr/lib/syslog-ng").string())};
  }

 private:
  static std::filesystem::path child_of(const std::filesystem::path& folder,
                                        const std::function<bool(const std::string&)>& wanted) {
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_directory() && wanted(entry.path().filename())) return entry.path();
    }
    throw std::runtime_error("nothing fitting in " + folder.string());
  }
};

}  // namespace slurper::test
