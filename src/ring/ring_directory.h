// Finds the folder of a log's ring.
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
  std::string runtime_directory = {};      // $RUNTIME_DIRECTORY, set by systemd: a list separated by colons
  std::string xdg_runtime_directory = {};  // $XDG_RUNTIME_DIR, set by logind
  uid_t euid = 0;
};

// The folder for the ring: ring.directory, or else a folder for this log below the runtime directory (the
// first of $RUNTIME_DIRECTORY, /run/slurper for root, $XDG_RUNTIME_DIR/slurper). All paths of one log,
// through any symbolic links to its folder, result in the same folder. Creates nothing. Fails with Config if
// there is no runtime directory.
[[nodiscard]] Result<std::string> ring_directory(const Settings& settings);
[[nodiscard]] Result<std::string> ring_directory(const Settings& settings, const RuntimeDirectories& runtime);

// The folders in which a start looks for the ring. First ring_directory(), in which a new ring is created;
// then the folders that earlier versions used. If the log's path leads over a symbolic link, also the folder
// for the link's target at the last link_ring_directory(), so that the ring is found even if the link leads
// elsewhere now. Errors: as ring_directory().
[[nodiscard]] Result<std::vector<std::string>> ring_directories(const Settings& settings);
[[nodiscard]] Result<std::vector<std::string>> ring_directories(const Settings& settings,
                                                                const RuntimeDirectories& runtime);

// Remembers, with a symbolic link beside it, that the ring of the log at the configured path lies in
// `directory`, one of ring_directories(). Does nothing if the path alone leads there. Best effort.
void link_ring_directory(const Settings& settings, const std::string& directory);
void link_ring_directory(const Settings& settings, const std::string& directory,
                         const RuntimeDirectories& runtime);

// The log's path as configured, made absolute; no link is resolved.
[[nodiscard]] std::string absolute_log_path(const std::string& log_path);

// `path` as one file name, as `systemd-escape --path` writes it: "/var/log/a-b" becomes "var-log-a\x2db". A
// name longer than NAME_MAX is cut, and ends in a hash of the whole path.
[[nodiscard]] std::string escape_path(std::string_view path);

// `name`, or if it is longer than `longest` bytes (17 or more), its beginning and a hash of `hashed`, the
// same in every release.
[[nodiscard]] std::string shortened_name(std::string name, std::string_view hashed, std::size_t longest);

}  // namespace slurper
