// The folders of files whose paths lines determine.
#pragma once

#include <string>

#include "slurper/result.h"

namespace slurper {

// Makes the folders that `path` needs below `base`, each with the mode 0750 and, if `is_durable`, synced into
// its parent. `base` exists and is a prefix of `path`. Follows no link below `base`: whoever may write there
// could lead slurper elsewhere. Fails with CantCreate, NoPermission, NoInput or Io.
[[nodiscard]] Status make_folders(const std::string& base, const std::string& path, bool is_durable);

}  // namespace slurper
