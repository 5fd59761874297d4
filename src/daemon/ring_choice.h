// Which ring a start goes on with.
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
  std::optional<RingWitness> witness;  // what it says of the log, if it is of this boot
};

// Looks at the rings in the folders of this log (ring_directories()), and at the log's index. Changes
// nothing. Fails with Config where there is no folder for a ring, and with Busy where the log has no index
// and the ring is in use: its slurper is about to make the index again.
[[nodiscard]] Result<ChosenRing> choose_ring(Os& os, const Settings& settings, const Uuid& boot);

// Which of `rings` it is: one of the log with the id `index`, the one that was used last. Where the log has
// no index, one that holds lines; where there is no such one, the first. Pure.
[[nodiscard]] std::size_t choose(const std::vector<std::optional<RingView>>& rings,
                                 const std::optional<Uuid>& index, const Uuid& boot);

// What the rings hold that were put aside beside the one at `ring_path`: bytes.
[[nodiscard]] std::uint64_t quarantined_bytes(Os& os, const std::string& ring_path);

// "LOG", as `slurper recover` needs it with these settings.
[[nodiscard]] std::string recover_arguments(const Settings& settings);

}  // namespace slurper
