// Cursors that no sink uses.
#pragma once

#include <string>
#include <vector>

#include "base/os.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

struct OrphanedCursor {
  std::string sink;
  Phrase why;  // "it is another log's"
};

// The cursors beside the log that can be of no use any more: another log's, ones that can't be read, and,
// while a slurper writes the log, those that none of its sinks has. While none does, which sinks there are is
// not known. Takes each cursor's lock for a moment. Fails with NoInput if there is no such folder, or with
// NoPermission.
[[nodiscard]] Result<std::vector<OrphanedCursor>> find_orphaned_cursors(Os& os, const LogPaths& paths);

}  // namespace slurper
