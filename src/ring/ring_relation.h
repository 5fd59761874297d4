// How a ring relates to its log when a start finds both: one named outcome for each case.
#pragma once

#include <cstdint>

namespace slurper {

// From the ring's header. Stream offsets, as plain numbers: they may have any value.
struct RingFacts {
  bool this_log = true;   // its log id equals that in the log's index
  bool this_boot = true;  // it was created since the machine started
  std::uint64_t size = 0;
  std::uint64_t origin = 0;
  std::uint64_t tail = 0;
  std::uint64_t head = 0;
  std::uint64_t session = 0;
};

// From the log.
struct LogFacts {
  // The first offset in the file that the log's writer has open. From there on, comparing bytes shows which
  // belong to the stream.
  std::uint64_t readable_from = 0;
  std::uint64_t end = 0;
  std::uint64_t session = 0;  // from its index: how often a ring was inherited
};

enum class RingRelation {
  // The ring is used:
  Continues,      // the log ends at the ring's tail
  WrittenInPart,  // the log ends after the tail: the process died after a write(2) and before it noted that
  LogCut,         // the log ends before the tail: its file was cut or moved away
  LogRestored,    // as LogCut, and the index is older than the ring: it was restored from a backup
  LogLonger,      // the log ends after the head: other processes have written to its file, and comparing
                  // bytes shows which parts are theirs

  // The ring holds nothing that the log lacks. A new ring replaces it:
  Spent,

  // The ring is quarantined, because it holds what no log has and can't continue:
  Contradictory,  // its own offsets contradict each other
  OtherLog,       // it belongs to another log
  OtherBoot,      // it is unknown which of its pages survived the machine's restart
  LeftBehind,     // the log has continued with another ring since
  LogElsewhere,   // the log has continued at offsets that the ring never reached
};

// Whether the header's offsets can be true: origin <= tail <= head, the range from tail to head fits, and
// nothing exceeds the largest size of a file. The session must not exceed that either.
[[nodiscard]] bool offsets_are_sound(const RingFacts& ring);

// Pure. `head` is the head after the declared read was settled.
[[nodiscard]] RingRelation relate(const RingFacts& ring, const LogFacts& log);

[[nodiscard]] constexpr bool is_used(RingRelation relation) {
  return relation < RingRelation::Spent;
}
[[nodiscard]] constexpr bool is_quarantined(RingRelation relation) {
  return relation > RingRelation::Spent;
}

// The number of the session that begins now, for the ring's header and the log's index.
[[nodiscard]] std::uint64_t next_session(const RingFacts& ring, const LogFacts& log, RingRelation relation);

}  // namespace slurper
