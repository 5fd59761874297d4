// Reads a ring's header without opening the ring.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/os.h"
#include "base/stream_offset.h"
#include "base/uuid.h"
#include "slurper/result.h"

namespace slurper {

struct RingView {
  std::string path;
  std::uint64_t size = 0;
  Uuid log_id{};
  Uuid boot_id{};
  std::string log_path;  // of the log that the ring belongs to; empty: not recorded
  StreamOffset tail;     // the log has, or had, everything before it
  StreamOffset head;
  std::uint64_t session = 0;
  std::uint64_t dropped_lines = 0;
  std::uint64_t dropped_bytes = 0;
  // Bytes after `head` that a read brought but did not note as done: the next start recovers them.
  std::uint64_t unsettled = 0;
  bool unsettled_is_certain = true;  // false: of version 1, in which only the next start finds out whether
                                     // they arrived

  // The number of bytes that the log may lack.
  [[nodiscard]] std::uint64_t held() const {
    const std::uint64_t noted = head - tail;
    return noted + std::min(unsettled, size - noted);
  }
};

// Inspects the ring in `directory`; returns nothing if there is none. Changes and locks nothing: `head` and
// `tail` of a ring in use keep advancing. Errors: NoPermission, Io, and Data if the file is no ring, or of a
// version that this one does not know.
[[nodiscard]] Result<std::optional<RingView>> inspect_ring(Os& os, const std::string& directory);

// Inspects the ring file at `path` in the same way.
[[nodiscard]] Result<std::optional<RingView>> inspect_ring_file(Os& os, const std::string& path);

// Fails with Busy if a slurper uses the ring in `directory`.
[[nodiscard]] Status check_ring_is_free(Os& os, const std::string& directory);

}  // namespace slurper
