// Where a log's ring lies.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// What the default depends on. Empty: not set.
struct RuntimeDirectories {
  std::string runtime_directory = {};      // $RUNTIME_DIRECTORY, set by systemd: a list with colons
  std::string xdg_runtime_directory = {};  // $XDG_RUNTIME_DIR, set by logind
  uid_t euid = 0;
};

// The folder for the ring: ring.directory, or else a folder of this log's own below the runtime directory
// (the first of $RUNTIME_DIRECTORY, /run/slurper for root, $XDG_RUNTIME_DIR/slurper). All names of one log,
// by whatever symbolic links to its folder, give the same one. Nothing is created. Config error where there
// is no runtime directory.
[[nodiscard]] Result<std::string> ring_directory(const Settings& settings);
[[nodiscard]] Result<std::string> ring_directory(const Settings& settings, const RuntimeDirectories& runtime);

// The folders in which a start looks for the ring: ring_directory() first, which is where a new one is made;
// then where earlier versions had it; and if the log's path leads over a symbolic link, where the link led
// when link_ring_directory() was last called, so that the ring is found again though the link leads elsewhere
// now. Errors as ring_directory().
[[nodiscard]] Result<std::vector<std::string>> ring_directories(const Settings& settings);
[[nodiscard]] Result<std::vector<std::string>> ring_directories(const Settings& settings,
                                                                const RuntimeDirectories& runtime);

// Remembers that the ring of the log, by the path as it is set, lies in `directory`, one of
// ring_directories(): a symbolic link beside it. Nothing is done where the path itself tells. Best effort.
void link_ring_directory(const Settings& settings, const std::string& directory);
void link_ring_directory(const Settings& settings, const std::string& directory,
                         const RuntimeDirectories& runtime);

// `path` as one file name, as `systemd-escape --path` writes it: "/var/log/a-b" becomes "var-log-a\x2db". A
// name that would be longer than NAME_MAX is cut, and ends in a hash of the whole.
[[nodiscard]] std::string escape_path(std::string_view path);

}  // namespace slurper
