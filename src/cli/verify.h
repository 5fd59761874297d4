// `slurper verify LOG`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

// Accounts for every byte of the log at `log_path`: a ledger of its segments, and what is wrong with them and
// how to mend it, goes to `out`, in 80 columns. So does what its ring says about it: the one in `ring`, or
// where that is empty the one that `slurper run` would use by default, if it is there. Returns the exit
// status: 0, or 65 (EX_DATAERR) where something is wrong; where the log can't be looked at, a message goes to
// `err` and the status is the failure's (66: there is none).
[[nodiscard]] int verify_command(const std::string& log_path, const std::string& ring, std::FILE* out,
                                 std::FILE* err);

}  // namespace slurper
