// `slurper recover LOG`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

enum class RecoverAction { Write, List, Remove };

// What the rings that were put aside hold and no log has, and the sinks' cursors that nothing uses any more.
//
// Write: the bytes go to `out` as they came, in the order of the rings' names. List: a table goes to `out`.
// Remove: the files go; what they are goes to `out`. In each case what can't be done goes to `err`. `ring`:
// the ring's folder, or empty: those that `slurper run` would look into for this log. What is in use is left
// alone: the lock of each file is taken first.
//
// Returns the exit status: 0, or the kind of the first failure (74: `out` can't be written).
[[nodiscard]] int recover_command(const std::string& log_path, const std::string& ring, RecoverAction action,
                                  std::FILE* out, std::FILE* err);

}  // namespace slurper
