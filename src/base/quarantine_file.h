// Quarantine: renames a file that is in the way, and never destroys it.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "base/os.h"

namespace slurper {

// Renames the file at `path` to the first of name_of(1), name_of(2), … that no file has, in the same folder.
// Returns the new path, or errno. After a crash, the file has one of the two names.
[[nodiscard]] std::expected<std::string, int> quarantine_file(Os& os, const std::string& path,
                                                              const std::function<std::string(int)>& name_of);

}  // namespace slurper
