#include "log/time_index_format.h"

#include <algorithm>
#include <bit>

namespace slurper {

namespace {

using std::chrono::milliseconds;

constexpr int kTimeBits = 48;  // enough until the year 10889
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;

// Over the offset and the time: 16 bytes with 0 where the check goes.
std::uint64_t check_of(std::uint64_t offset, std::uint64_t time) {
  const auto bytes = std::bit_cast<TimesEntryBytes>(TimesEntryLayout{offset, time});
  return std::uint64_t{crc32c(bytes)} << kTimeBits;
}

}  // namespace

TimesHeaderBytes encode_times_header(const Uuid& log_id) {
  return seal_slot(
      TimesHeaderLayout{.magic = kTimesMagic, .version = kTimesVersion, .crc32c = 0, .log_id = log_id});
}

std::expected<Uuid, SlotDamage> decode_times_header(const TimesHeaderBytes& bytes) {
  const auto header = unseal_slot<TimesHeaderLayout>(bytes, kTimesMagic, kTimesVersion);
  if (!header) return std::unexpected(header.error());
  return header->log_id;
}

TimesEntryBytes encode_times_entry(const TimeMark& mark) {
  const auto since_epoch = std::chrono::floor<milliseconds>(mark.time.time_since_epoch()).count();
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch, 0)) & kTimeMask;
  return std::bit_cast<TimesEntryBytes>(
      TimesEntryLayout{mark.offset.value, time | check_of(mark.offset.value, time)});
}

std::optional<TimeMark> decode_times_entry(const TimesEntryBytes& bytes) {
  const auto entry = std::bit_cast<TimesEntryLayout>(bytes);
  const std::uint64_t time = entry.time_and_check & kTimeMask;
  if ((entry.time_and_check & ~kTimeMask) != check_of(entry.offset, time)) return std::nullopt;
  // A Timestamp counts nanoseconds: what it can't hold was never written.
  constexpr auto kMax = static_cast<std::uint64_t>(
      std::chrono::floor<milliseconds>(Timestamp::max().time_since_epoch()).count());
  if (time > kMax) return std::nullopt;
  return TimeMark{.offset = {entry.offset}, .time = Timestamp(milliseconds(static_cast<std::int64_t>(time)))};
}

}  // namespace slurper
