// `slurper recover LOG`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

enum class RecoverAction { Write, List, Remove };

// Handles what quarantined rings hold and no log has, and the cursors of sinks that are no longer used.
//
// Write: writes the bytes to `out` as they came, in the order of the rings' names. List: writes a table to
// `out`. Remove: removes the files and lists them on `out`. Each action reports failures on `err`. `ring` is
// the ring's folder; empty: those that `slurper run` would use for this log. Files in use are left alone,
// because the lock of each file is taken first.
//
// Returns the exit status: 0, or the kind of the first failure (74: writing to `out` failed).
[[nodiscard]] int recover_command(const std::string& log_path, const std::string& ring, RecoverAction action,
                                  std::FILE* out, std::FILE* err);

}  // namespace slurper
