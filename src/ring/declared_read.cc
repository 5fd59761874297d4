#include "ring/declared_read.h"

namespace slurper {

using ring_format::Fate;

DeclaredReadState classify_declared_read(const DeclaredReadFacts& facts) {
  if (facts.size == 0 || facts.offset != facts.head) return DeclaredReadState::None;
  if (facts.fate != Fate::Keep && facts.fate != Fate::Drop) return DeclaredReadState::Contradictory;
  const bool keeps = facts.fate == Fate::Keep;
  const std::uint64_t room = keeps ? facts.keep_room : facts.drop_room;
  const std::int64_t start = keeps ? facts.keep_at : facts.drop_at;
  if (facts.size > room || facts.start != start || facts.end < facts.start)
    return DeclaredReadState::Contradictory;
  // Neither is negative: `start` is a position in the file.
  const auto came = static_cast<std::uint64_t>(facts.end - facts.start);
  if (came > facts.size) return DeclaredReadState::Contradictory;
  return came > 0 ? DeclaredReadState::Came : DeclaredReadState::NothingCame;
}

}  // namespace slurper
