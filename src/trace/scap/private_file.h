// Files that hold the data of others: captures, and pages made of them.
#pragma once

#include <expected>
#include <string>

#include "base/fd.h"

namespace slurper {

// Creates the file, for its owner alone (mode 0600), and locks it. An existing file must be the caller's own,
// under this name only, with no other program that writes it in this way, and is emptied; a symbolic link is
// not followed. A character device, such as /dev/null, is opened as it is. The error says why, and what to
// do.
[[nodiscard]] std::expected<UniqueFd, std::string> create_private_file(const std::string& path);

}  // namespace slurper
