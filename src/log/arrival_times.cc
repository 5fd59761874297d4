#include "log/arrival_times.h"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kAtOnce = 4096;  // entries
// How long bytes may take from the FIFO to the log's file on a disk that is slow.
constexpr auto kMostLate = 10s;

}  // namespace

void ArrivalTimes::refresh(std::optional<Timestamp> last_write) {
  last_write_ = last_write;
  known_.clear();
  // Opened again each time: slurper replaces the file when it removes old entries.
  auto file = TimesFile::open(os_, paths_, log_, O_RDONLY);
  file_ = file ? *std::move(file) : nullptr;
}

std::optional<TimeMark> ArrivalTimes::next_mark(std::uint64_t entry) const {
  for (; entry < file_->entries(); ++entry) {
    if (const auto mark = file_->mark(entry)) return mark;
  }
  return std::nullopt;
}

ArrivalTimes::Block ArrivalTimes::block_of(StreamOffset offset) {
  const auto known = [&] { return std::ranges::upper_bound(known_, offset, {}, &Block::begin); };
  auto behind = known();
  if (behind == known_.begin() || offset >= std::prev(behind)->end) {
    known_.clear();
    const auto stop =
        file_ ? next_mark(file_->count_up_to(offset, file_->entries()) + kAtOnce) : std::nullopt;
    for_each(offset, stop ? stop->offset : kOpen, [&](const Block& block) { known_.push_back(block); });
    behind = known();
  }
  if (behind != known_.begin() && offset < std::prev(behind)->end) return *std::prev(behind);
  return {.begin = offset, .end = offset + 1, .time = {}, .next = {}};  // the file contradicts itself
}

void ArrivalTimes::for_each(StreamOffset begin, StreamOffset end,
                            const std::function<void(const Block&)>& look) const {
  Block block{.begin = {}, .end = kOpen, .time = {}, .next = {}};
  const auto show = [&] {
    if (block.begin < block.end && block.begin < end && block.end > begin) look(block);
  };
  if (file_) {
    const std::uint64_t entries = file_->entries();
    std::uint64_t entry = file_->count_up_to(begin, entries);
    // From the last good mark at or before `begin` on.
    while (entry > 0 && !file_->mark(--entry)) {
    }
    bool is_open = true;
    while (entry < entries && is_open) {
      const auto marks = file_->read(entry, std::min(kAtOnce, entries - entry));
      if (!marks || marks->empty()) {
        block.time.reset();
        break;
      }
      entry += marks->size();
      for (const std::optional<TimeMark>& mark : *marks) {
        // A damaged entry may have begun a block anywhere behind the last good one.
        if (!mark || mark->offset < block.begin) {
          block.time.reset();
          continue;
        }
        block.end = mark->offset;
        block.next = mark->time;
        show();
        block = {.begin = mark->offset, .end = kOpen, .time = mark->time, .next = {}};
        is_open = mark->offset < end;
        if (!is_open) break;
      }
    }
    if (block.time && last_write_ && *last_write_ > *block.time + kMostLate) block.time.reset();
  }
  show();
}

}  // namespace slurper
