// Errors of system calls.
#pragma once

#include <string>

#include "slurper/result.h"

namespace slurper {

// The kind that an errno amounts to when nothing more is known of the call: EACCES, EPERM and EROFS are
// NoPermission, ENOENT and ENOTDIR NoInput, everything else Io.
[[nodiscard]] ErrorKind kind_of_errno(int errnum);

// What strerror(3) says, in the words of the C locale.
[[nodiscard]] std::string errno_text(int errnum);

// `what` failed with `errnum`.
[[nodiscard]] std::unexpected<Error> fail_errno(int errnum, std::string what, std::string advice = {});

}  // namespace slurper
