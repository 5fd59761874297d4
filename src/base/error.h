// Errors of system calls.
#pragma once

#include <string>

#include "base/phrase_id.h"
#include "slurper/result.h"

namespace slurper {

// The kind of an errno if nothing more is known of the call: EACCES, EPERM and EROFS are NoPermission, ENOENT
// and ENOTDIR are NoInput, everything else is Io.
[[nodiscard]] ErrorKind kind_of_errno(int errnum);

// The text of strerror(3), in the words of the C locale.
[[nodiscard]] std::string errno_text(int errnum);

// The phrase `id` about a file: its argument "file" is the path.
[[nodiscard]] Phrase about_file(PhraseId id, std::string path);

// The error for `what`, which failed with `errnum`.
[[nodiscard]] std::unexpected<Error> fail_errno(int errnum, Phrase what, Phrase advice = {});

// The error as one phrase, for a finding: `id` names its "what" and "reason".
[[nodiscard]] Phrase as_phrase(const Error& error, PhraseId id = PhraseId::Failure);

}  // namespace slurper
