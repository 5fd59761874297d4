#include "trace/explain/locks.h"

#include <algorithm>

namespace slurper {

namespace {

constexpr std::size_t kMaxFiles = 10'000;
constexpr std::size_t kMaxLocks = 16;            // of a file
constexpr std::uint32_t kSharedOrExclusive = 3;  // LOCK_SH, LOCK_EX
constexpr std::uint32_t kUnlock = 8;

}  // namespace

void Locks::take(const TraceEvent& event) {
  if (event.enter == nullptr || event.file == nullptr || event.file->name.empty()) return;
  const auto operation = event.enter->event(event.raw.tid).number<std::uint32_t>(1);
  if (locks_.size() >= kMaxFiles) locks_.clear();
  std::vector<Taken>& taken = locks_[{event.file->device, event.file->name}];
  const auto own = std::ranges::find(taken, event.file, &Taken::by);
  if ((operation & kUnlock) != 0) {
    if (own != taken.end()) own->released = event.enter->time;
    return;
  }
  if ((operation & kSharedOrExclusive) == 0) return;
  if (own != taken.end()) taken.erase(own);
  if (taken.size() >= kMaxLocks) taken.erase(taken.begin());
  Taken& one = taken.emplace_back();
  static_cast<Deed&>(one) = deed_of(event);
  one.by = event.file;
}

std::vector<Locks::Taken> Locks::others(const OpenFile& file, std::uint64_t from) const {
  std::vector<Taken> found;
  const auto taken = locks_.find({file.device, file.name});
  if (taken == locks_.end()) return found;
  std::ranges::copy_if(taken->second, std::back_inserter(found), [&](const Taken& one) {
    const bool is_another_file = one.by->inode != file.inode && one.by->inode != 0 && file.inode != 0;
    return one.by.get() != &file && !is_another_file && (one.released == 0 || one.released >= from);
  });
  return found;
}

}  // namespace slurper
