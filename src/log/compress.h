// Compression of rotated segments, so that a crash at any point leaves every byte.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/os.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// Puts the zstd-compressed `raw` in its place, in states of which start-up can resolve each (see
// resolve_leftovers()):
//
//   1. …zst.tmp grows               raw counts    the temporary file is removed
//   2. …zst.tmp is whole and synced raw counts    the same
//   3. …zst stands beside raw       both are good raw is removed, once the other is proven
//   4. …zst alone                   done
//
// Keeps mode, owner and the time of the last write. Returns the compressed segment; nothing if `cancelled`
// cut it short. On failure and after a cancellation raw is as it was and no temporary file is left (unless
// even that fails); only when raw can't be unlinked is it left in state 3. A call may take seconds: not for a
// thread that has anything else to do.
[[nodiscard]] Result<std::optional<Segment>> compress_segment(Os& os, const LogPaths& paths,
                                                              const Segment& raw,
                                                              const std::stop_token& cancelled);

// What resolve_leftovers() did.
struct Leftovers {
  std::vector<std::string> removed;  // paths
  std::vector<Error> failures;       // what is left, and why
};

// Resolves what a crash left of compressions of segments before `active_base`: removes temporary files, and
// of a segment that is there both ways the raw one, or, if the compressed one does not hold the same
// bytes, that one. For the holder of the log's lock, while nothing is being compressed. Ends early where
// `cancelled`.
[[nodiscard]] Leftovers resolve_leftovers(Os& os, const LogPaths& paths, StreamOffset active_base,
                                          const std::stop_token& cancelled);

}  // namespace slurper
