#include "sink/packed_traces.h"

#include "base/contract.h"

namespace slurper {

namespace {

constexpr unsigned kBits = 7;
constexpr std::uint64_t kMore = 1U << kBits;  // set in each byte of a number but the last
constexpr std::uint64_t kEndsALine = 1;
constexpr std::uint64_t kHasGap = 2;
constexpr unsigned kSizeShift = 2;

}  // namespace

void PackedTraces::put(std::uint64_t number) {
  for (; number >= kMore; number >>= kBits) bytes_.push_back(static_cast<std::uint8_t>(number | kMore));
  bytes_.push_back(static_cast<std::uint8_t>(number));
}

std::uint64_t PackedTraces::get(std::size_t& at) const {
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += kBits) {
    const std::uint64_t byte = bytes_[at++];
    number |= (byte & (kMore - 1)) << shift;
    if (byte < kMore) return number;
  }
}

void PackedTraces::append(const Trace& trace) {
  SLURPER_ASSERT(end_ <= trace.begin && trace.begin <= trace.end);
  const std::uint64_t gap = trace.begin - end_;
  const std::uint64_t flags = (trace.ends_a_line ? kEndsALine : 0) | (gap != 0 ? kHasGap : 0);
  put((trace.end - trace.begin) << kSizeShift | flags);
  if (gap != 0) put(gap);
  end_ = trace.end;
}

Trace PackedTraces::take(Cursor& cursor) const {
  SLURPER_ASSERT(cursor.at < bytes_.size());
  const std::uint64_t size_and_flags = get(cursor.at);
  const std::uint64_t gap = (size_and_flags & kHasGap) != 0 ? get(cursor.at) : 0;
  const std::uint64_t begin = cursor.previous_end + gap;
  cursor.previous_end = begin + (size_and_flags >> kSizeShift);
  return {.begin = begin, .end = cursor.previous_end, .ends_a_line = (size_and_flags & kEndsALine) != 0};
}

}  // namespace slurper
