// What a path is, and what this process may do with it, as findings say it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cli/finding.h"

namespace slurper {

// Returns the errno of lstat(2), or 0.
[[nodiscard]] int look_at(const std::string& path, struct stat& st);

// Returns 0 if slurper may do all of `mode` (R_OK, W_OK, X_OK) with the ids that count for files, or else
// errno.
[[nodiscard]] int access_error(const std::string& path, int mode);

[[nodiscard]] std::string directory_of(const std::string& path);

[[nodiscard]] std::uint64_t permissions(const struct stat& st);

// Returns what prevents slurper from creating `subject`, a file, in `directory`, if anything does.
[[nodiscard]] std::optional<Finding> no_room_for(const Phrase& subject, const std::string& directory);

// Why `subject` is not as it must be: it can't be opened, can't be looked at, is another kind of file.
[[nodiscard]] Phrase cannot_open(const Phrase& subject, const struct stat& st, int refused);
[[nodiscard]] Phrase cannot_look_at(const Phrase& subject, int errnum);
[[nodiscard]] Phrase is_no_file(const Phrase& subject, const std::string& found, Phrase advice);

}  // namespace slurper
