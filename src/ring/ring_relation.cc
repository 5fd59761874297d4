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
  // The session is written to the ring first and to the index next, so the ring may be ahead by one. It is
  // ahead by more if the index is an old copy: the ring then knows better than the log how far the stream has
  // come.
  if (ring.session < log.session) return unusable(RingRelation::LeftBehind);
  if (log.end < ring.tail)
    return ring.session > log.session + 1 ? RingRelation::LogRestored : RingRelation::LogCut;
  if (log.end == ring.tail) return RingRelation::Continues;
  if (log.end <= ring.head) return RingRelation::WrittenInPart;
  // Others may have written behind our bytes, but only to a file: where that begins behind the head, the log
  // has gone on without the ring.
  if (log.readable_from > ring.head) return unusable(RingRelation::LogElsewhere);
  return RingRelation::LogLonger;
}

std::uint64_t next_session(const RingFacts& ring, const LogFacts& log, RingRelation relation) {
  return is_used(relation) ? std::max(ring.session, log.session + 1) : log.session + 1;
}

}  // namespace slurper
