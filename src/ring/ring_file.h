// The file of a ring: finding, locking and creating it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "base/stream_offset.h"
#include "base/uuid.h"
#include "ring/ring_format.h"
#include "ring/ring_state.h"
#include "slurper/result.h"

namespace slurper {

// The file at a ring's path.
struct FoundRing {
  RingFileFacts facts;
  UniqueFd fd;  // holds the file's lock
  uid_t owner = 0;
  ring_format::Identity identity{};
};

// Looks at the file at `path` as far as this process may, and locks it. If it is this user's and open to
// others, tightens its mode and reports that in `findings`. The relation to a log stays open: it needs the
// file mapped.
[[nodiscard]] Result<FoundRing> look_at_ring(Os& os, const std::string& path, std::vector<Phrase>& findings);

// Creates the file of an empty ring that begins at `begin`, and returns it locked. It gets its name when it
// is complete: an interrupted start leaves either no ring or a good one.
[[nodiscard]] Result<UniqueFd> create_ring_file(Os& os, const std::string& path,
                                                const ring_format::Identity& identity, StreamOffset begin,
                                                std::uint64_t session);

[[nodiscard]] ring_format::Identity ring_identity(const Uuid& log_id, const Uuid& boot, std::uint64_t size);

// Whether the file's memory is RAM. If the kernel does not report it, true: that is no reason for a warning.
[[nodiscard]] bool is_in_ram(int fd);

// The error for a ring at `path`: CantCreate if a limit of its file system ends here.
[[nodiscard]] std::unexpected<Error> ring_failure(int errnum, PhraseId what, const std::string& path);
// Another slurper has locked the ring: Busy.
[[nodiscard]] std::unexpected<Error> ring_is_busy(const std::string& path);

}  // namespace slurper
