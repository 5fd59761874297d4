#include "ring/ring_relation.h"

#include <algorithm>
#include <limits>

namespace slurper {

namespace {

constexpr auto kLastOffset = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

bool offsets_are_sound(const RingFacts& ring) {
  return ring.origin <= ring.tail && ring.tail <= ring.head && ring.head - ring.tail <= ring.size &&
         ring.head <= kLastOffset && ring.session <= kLastOffset;
}

RingRelation relate(const RingFacts& ring, const LogFacts& log) {
  if (!offsets_are_sound(ring)) return RingRelation::Contradictory;
  const bool empty = ring.head == ring.tail;
  const auto unusable = [&](RingRelation why) { return empty ? RingRelation::Spent : why; };
  if (!ring.this_log) return unusable(RingRelation::OtherLog);
  if (!ring.this_boot) return unusable(RingRelation::OtherBoot);
  // slurper writes the session to the ring first and to the index next, so the ring may be ahead by one. It
  // is further ahead if the index is an old copy: then the ring's end of the stream is more recent than the
  // log's.
  if (ring.session < log.session) return unusable(RingRelation::LeftBehind);
  if (log.end < ring.tail)
    return ring.session > log.session + 1 ? RingRelation::LogRestored : RingRelation::LogCut;
  if (log.end == ring.tail) return RingRelation::Continues;
  if (log.end <= ring.head) return RingRelation::WrittenInPart;
  // Other processes may have written after slurper's bytes, but only to an existing file: if the file begins
  // after the head, the log has continued without the ring.
  if (log.readable_from > ring.head) return unusable(RingRelation::LogElsewhere);
  return RingRelation::LogLonger;
}

std::uint64_t next_session(const RingFacts& ring, const LogFacts& log, RingRelation relation) {
  return is_used(relation) ? std::max(ring.session, log.session + 1) : log.session + 1;
}

}  // namespace slurper
