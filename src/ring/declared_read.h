// A read that was declared in the ring's header, and whether its bytes arrived.
#pragma once

#include <cstdint>

#include "ring/ring_format.h"

namespace slurper {

// The note as a start finds it, and what must be true of it. The note may hold any value.
struct DeclaredReadFacts {
  // From the note (ring_format::DeclaredRead):
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;
  ring_format::Fate fate = ring_format::Fate::Keep;
  // From the ring, for each fate: where in the file the bytes go, and how many fit there.
  std::uint64_t head = 0;
  std::int64_t keep_at = 0;
  std::uint64_t keep_room = 0;
  std::int64_t drop_at = 0;
  std::uint64_t drop_room = 0;
};

enum class DeclaredReadState {
  None,           // no read is declared, or the last one was settled
  NothingCame,    // the process died before the read: the bytes are in the pipe
  Came,           // the process died after the read: end - start bytes are in the ring, and no longer in the
                  // pipe
  Contradictory,  // slurper never leaves such a note
};

// Pure. For version 2; ring_upgrade.h has version 1.
[[nodiscard]] DeclaredReadState classify_declared_read(const DeclaredReadFacts& facts);

}  // namespace slurper
