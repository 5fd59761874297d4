// What a ring's header says, for those who only look.
#pragma once

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
  StreamOffset tail;  // the log has, or had, everything before it
  StreamOffset head;
  std::uint64_t session = 0;
  std::uint64_t dropped_lines = 0;
  std::uint64_t dropped_bytes = 0;
  // Bytes that a read behind `head` brought which was not noted as done: the next start takes them over.
  std::uint64_t unsettled = 0;
  bool unsettled_is_certain = true;  // false: of version 1, which says only after the start whether they came
};

// Looks at the ring in `directory`; nothing where there is none. Changes and locks nothing: in a ring that is
// in use `head` and `tail` move on. Errors: NoPermission, Io, and Data where the file is no ring, or not one
// that this version knows.
[[nodiscard]] Result<std::optional<RingView>> inspect_ring(Os& os, const std::string& directory);

// The same, of the file at `path`.
[[nodiscard]] Result<std::optional<RingView>> inspect_ring_file(Os& os, const std::string& path);

// Fails with Busy where a slurper uses the ring in `directory`.
[[nodiscard]] Status check_ring_is_free(Os& os, const std::string& directory);

}  // namespace slurper
