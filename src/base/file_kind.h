// Describes what stands at a path, for messages: a user who named something other than a file learns what it
// is.
#pragma once

#include <sys/types.h>

#include <string>

#include "slurper/result.h"

namespace slurper {

// "a regular file", "a directory", "a symbolic link", …: for a mode from stat(2).
[[nodiscard]] const char* file_kind(mode_t mode);

// The same for what stands at `path` and has that mode, with a link's target: "a symbolic link to 'other'".
// Asks the kernel at this moment, and opens nothing.
[[nodiscard]] std::string what_stands_at(const std::string& path, mode_t mode);

// "it is a symbolic link to 'other', not a regular file": why `path`, with that mode, is not used.
[[nodiscard]] Phrase not_a_regular_file(const std::string& path, mode_t mode);

// The error for an open(2) with O_NOFOLLOW that failed at `path` with `errnum`: as fail_errno(), but explains
// ELOOP, which a single link causes, by what stands there.
[[nodiscard]] std::unexpected<Error> fail_to_open(int errnum, const std::string& path, Phrase what,
                                                  Phrase advice = {});

// " '/d/other'": where the links at `path` lead in the end, to follow the words of an advice; empty if
// nothing is there.
[[nodiscard]] std::string end_of_links(const std::string& path);

}  // namespace slurper
