// Chooses the ring that a start continues with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/os.h"
#include "base/settings.h"
#include "base/uuid.h"
#include "log/log_writer.h"
#include "ring/ring_view.h"
#include "slurper/result.h"

namespace slurper {

struct ChosenRing {
  std::string directory;
  std::optional<Error> refusal = {};   // why it is not ring.directory
  std::optional<RingWitness> witness;  // what the ring's header says of the log, if the ring is of this boot
};

// Inspects the rings in the folders of this log (ring_directories()), and the log's index. Changes nothing.
// If the ring in ring.directory is that of another log that exists, chooses the log's default folder.
// Fails with Config if there is no folder for a ring, and with Busy if the log has no index and the ring is
// in use: the slurper that uses it is about to create the index again.
[[nodiscard]] Result<ChosenRing> choose_ring(Os& os, const Settings& settings, const Uuid& boot);

// The path of the log that `ring` belongs to, if that is another log than the one at `log_path` and still
// exists with the ring's id. Otherwise empty: a log that was renamed, or whose folder was moved, keeps its
// ring. The path tells a log from its copy, and not the inode, which changes if a log is moved to another
// file system.
[[nodiscard]] std::string owner_elsewhere(Os& os, const RingView& ring, const std::string& log_path);

// Why the log at `log_path` must not use `ring`: it belongs to another log that exists, of which this one may
// be a copy. Nothing if it does not.
[[nodiscard]] std::optional<Error> why_taken(Os& os, const RingView& ring, const std::string& log_path);

// Chooses one of `rings`: of those of the log with the id `index`, the one that was used last. If the log has
// no index, one that holds lines; if none does, the first. Pure.
[[nodiscard]] std::size_t choose(const std::vector<std::optional<RingView>>& rings,
                                 const std::optional<Uuid>& index, const Uuid& boot);

// The number of bytes in the quarantined rings beside the one at `ring_path`.
[[nodiscard]] std::uint64_t quarantined_bytes(Os& os, const std::string& ring_path);

// "LOG", as `slurper recover` needs it for what is beside the ring at `ring_path`.
[[nodiscard]] std::string recover_arguments(const Settings& settings, const std::string& ring_path);

}  // namespace slurper
