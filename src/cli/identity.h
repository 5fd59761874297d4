// `slurper identity`: shows the id of a log and that of the machine, or gives the log a new one.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

// Prints the ids to `out`, errors to `err`, and returns the exit status. With `is_new` it gives the log at
// `log_path` a new id before. `ring`: the folder of the log's ring; empty: the default.
int identity_command(const std::string& log_path, const std::string& ring, bool is_new, std::FILE* out,
                     std::FILE* err);

}  // namespace slurper
