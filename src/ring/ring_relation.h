// How a ring stands to its log when a start finds the two: one named outcome for each case.
#pragma once

#include <cstdint>

namespace slurper {

// What the ring's header says. Stream offsets, as plain numbers: any value may stand there.
struct RingFacts {
  bool this_log = true;   // its log id is that of the log's index
  bool this_boot = true;  // it was made since the machine was started
  std::uint64_t size = 0;
  std::uint64_t origin = 0;
  std::uint64_t tail = 0;
  std::uint64_t head = 0;
  std::uint64_t session = 0;
};

// What the log says.
struct LogFacts {
  // The first offset whose file the log's writer has open: from there on the bytes tell what is the stream's.
  std::uint64_t readable_from = 0;
  std::uint64_t end = 0;
  std::uint64_t session = 0;  // in its index: how often a ring was taken over
};

enum class RingRelation {
  // The ring is used:
  Continues,      // the log ends at the ring's tail
  WrittenInPart,  // the log ends behind the tail: the process died between a write(2) and the note of it
  LogCut,         // the log ends before the tail: it was cut, or its file was moved away
  LogRestored,    // the same, and the index is older than the ring: it came back from a backup
  LogLonger,      // the log ends behind the head: others have written to its file, and the bytes tell what is
                  // theirs

  // The ring holds nothing that the log lacks. A new one takes its place:
  Spent,

  // The ring is put aside, since it holds what no log has and can't go on:
  Contradictory,  // its own offsets contradict each other
  OtherLog,       // it belongs to another log
  OtherBoot,      // which of its pages survived the machine is not known
  LeftBehind,     // the log went on with another ring since
  LogElsewhere,   // the log went on at offsets that the ring has never reached
};

// Whether the header's offsets can be true: origin <= tail <= head, no more between tail and head than fits,
// and nothing beyond what a file's size can be. Nor can a session be that large.
[[nodiscard]] bool offsets_are_sound(const RingFacts& ring);

// Pure. A declared read has been settled: `head` is what it was once that was done.
[[nodiscard]] RingRelation relate(const RingFacts& ring, const LogFacts& log);

[[nodiscard]] constexpr bool is_used(RingRelation relation) {
  return relation < RingRelation::Spent;
}
[[nodiscard]] constexpr bool is_quarantined(RingRelation relation) {
  return relation > RingRelation::Spent;
}

// Of the session that begins now, for the ring's header and the log's index.
[[nodiscard]] std::uint64_t next_session(const RingFacts& ring, const LogFacts& log, RingRelation relation);

}  // namespace slurper
