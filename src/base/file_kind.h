// What stands at a path, in words for messages: whoever meant a file and named something else learns what it
// is.
#pragma once

#include <sys/types.h>

#include <string>

#include "slurper/result.h"

namespace slurper {

// "a regular file", "a directory", "a symbolic link", …: of a mode as stat(2) gives it.
[[nodiscard]] const char* file_kind(mode_t mode);

// The same of what stands at `path` and has that mode, with a link's target: "a symbolic link to 'other'".
// The kernel's answer at this moment; nothing is opened.
[[nodiscard]] std::string what_stands_at(const std::string& path, mode_t mode);

// "it is a symbolic link to 'other', not a regular file": why `path`, with that mode, is not used.
[[nodiscard]] std::string not_a_regular_file(const std::string& path, mode_t mode);

// open(2) with O_NOFOLLOW failed at `path` with `errnum`: fail_errno(), but ELOOP, which comes of a single
// link, is explained by what stands there.
[[nodiscard]] std::unexpected<Error> fail_to_open(int errnum, const std::string& path, std::string what,
                                                  std::string advice = {});

// " '/d/other'": where the links at `path` lead in the end, to be put behind the words of an advice; empty if
// nothing is there.
[[nodiscard]] std::string end_of_links(const std::string& path);

}  // namespace slurper
