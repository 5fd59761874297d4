#include "cli/instances.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "proc/listening_sockets.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnd = ".control";

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The paths of the entries of `folder` that `is_wanted`; none if it can't be read.
template <typename Predicate>
void append_entries(const std::string& folder, Predicate is_wanted, std::vector<std::string>& paths) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (is_wanted(*entry)) paths.push_back(entry->path().string());
  }
}

std::vector<std::string> folders_of_services() {
  std::vector<std::string> folders{"/run/slurper"};
  // Of the instances of the template slurper@.
  append_entries(
      "/run",
      [](const fs::directory_entry& entry) {
        return entry.path().filename().string().starts_with("slurper-");
      },
      folders);
  if (const std::string own = from_environment("XDG_RUNTIME_DIR"); own.starts_with('/'))
    folders.push_back(own + "/slurper");
  return folders;
}

}  // namespace

ControlSockets find_control_sockets() {
  ControlSockets found;
  if (const std::string runtime = from_environment("RUNTIME_DIRECTORY"); runtime.starts_with('/')) {
    found.folders = {runtime.substr(0, runtime.find(':'))};
  } else {
    found.folders = folders_of_services();
    ListeningSockets listening = listening_sockets_of("slurper");
    found.paths = std::move(listening.paths);
    found.unseen = listening.unseen;
  }
  for (const std::string& folder : found.folders) {
    append_entries(
        folder,
        [](const fs::directory_entry& entry) {
          std::error_code error;
          return entry.path().string().ends_with(kEnd) && entry.is_socket(error);
        },
        found.paths);
  }
  std::ranges::sort(found.paths);
  const auto again = std::ranges::unique(found.paths);
  found.paths.erase(again.begin(), again.end());
  return found;
}

}  // namespace slurper
