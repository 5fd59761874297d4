// `slurper verify LOG`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

// Accounts for every byte of the log at `log_path`. Writes a ledger of its segments to `out` in 80 columns,
// with every problem and its remedy, and with what the log's ring shows. The ring is the one in `ring`; if
// that is empty, it is the default of `slurper run`, if it exists. Returns the exit status: 0, or 65
// (EX_DATAERR) if there is a problem. If the log can't be examined, it reports that on `err` and returns the
// status of the failure (66: there is no log).
[[nodiscard]] int verify_command(const std::string& log_path, const std::string& ring, std::FILE* out,
                                 std::FILE* err);

}  // namespace slurper
