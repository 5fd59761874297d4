#include "trace/scap/scap_reader.h"

#include <algorithm>
#include <utility>

namespace slurper {

namespace {

// A table of all processes is one block: long command lines of many processes need room.
constexpr std::size_t kMaxBlock = std::size_t{64} << 20;
// While looking for the next block behind damage, nothing longer is taken for one.
constexpr std::size_t kMaxPlausible = std::size_t{1} << 20;

bool is_known(std::uint32_t type) {
  return type == kSectionHeader || (type >= kMachineBlock && type <= kLargeFlaggedEventBlock);
}

}  // namespace

ScapReader::ScapReader(CaptureInput input, DamageReport report)
    : input_(std::move(input)), report_(std::move(report)) {}

void ScapReader::before_wait(std::function<void()> act) {
  input_.before_wait(std::move(act));
}

void ScapReader::report(DamageKind kind, std::uint64_t offset, std::uint64_t skipped) const {
  report_({.kind = kind, .offset = offset, .skipped = skipped});
}

bool ScapReader::is_capture() {
  const std::string_view begin = input_.peek(kBlockHead + sizeof kByteOrderMagic);
  return begin.size() >= kBlockHead + sizeof kByteOrderMagic &&
         load<std::uint32_t>(begin.data()) == kSectionHeader &&
         load<std::uint32_t>(begin.data() + kBlockHead) == kByteOrderMagic;
}

std::optional<Block> ScapReader::next() {
  input_.consume(std::exchange(taken_, 0));
  while (!ended_) {
    std::string_view bytes = input_.peek(kBlockHead);
    if (bytes.empty()) break;
    if (bytes.size() >= kBlockHead) {
      const auto type = load<std::uint32_t>(bytes.data());
      const std::size_t total = load<std::uint32_t>(bytes.data() + 4);
      if (total >= kBlockFrame && total <= kMaxBlock) {
        if (bytes.size() < total) bytes = input_.peek(total);
        if (bytes.size() >= total && load<std::uint32_t>(bytes.data() + total - 4) == total) {
          taken_ = total;
          return Block{
              .type = type, .body = bytes.substr(kBlockHead, total - kBlockFrame), .offset = input_.offset()};
        }
      }
    }
    if (!find_next_block()) break;
  }
  if (!ended_ && input_.damaged()) report(DamageKind::BadCompression, input_.offset(), 0);
  ended_ = true;
  return std::nullopt;
}

// Whether a block of a known type begins here, with its length at both places.
bool ScapReader::is_plausible(std::string_view bytes) const {
  const std::size_t total = load<std::uint32_t>(bytes.data() + 4);
  return is_known(load<std::uint32_t>(bytes.data())) && total >= kBlockFrame && total <= bytes.size() &&
         load<std::uint32_t>(bytes.data() + total - 4) == total;
}

// Skips what is no block, and reports it.
bool ScapReader::find_next_block() {
  const std::uint64_t begin = input_.offset();
  input_.consume(1);
  while (true) {
    const std::string_view bytes = input_.peek(kMaxPlausible);
    std::size_t at = 0;
    while (at + kBlockFrame <= bytes.size() && !is_plausible(bytes.substr(at))) ++at;
    const bool found = at + kBlockFrame <= bytes.size();
    if (!found) at = bytes.size();
    // What begins near the end of the buffer may be a block that goes on behind it.
    const bool may_go_on = !found && bytes.size() >= kMaxPlausible;
    if (may_go_on) at = bytes.size() - kMaxPlausible / 2;
    input_.consume(at);
    if (may_go_on) continue;
    const std::uint64_t skipped = input_.offset() - begin;
    report(found ? DamageKind::BadLength : DamageKind::CutShort, begin, skipped);
    return found;
  }
}

std::optional<ScapEvent> event_in(const Block& block) {
  const bool is_flagged = block.type == kFlaggedEventBlock || block.type == kLargeFlaggedEventBlock;
  const bool is_large = block.type == kLargeEventBlock || block.type == kLargeFlaggedEventBlock;
  const std::size_t before = is_flagged ? 6 : 2;
  if (block.body.size() < before + kEventHead) return std::nullopt;
  const char* const at = block.body.data() + before;
  ScapEvent event;
  event.cpu = load<std::uint16_t>(block.body.data());
  if (is_flagged) event.flags = load<std::uint32_t>(block.body.data() + 2);
  event.time = load<std::uint64_t>(at);
  event.tid = load<std::int64_t>(at + 8);
  event.type = load<std::uint16_t>(at + 20);
  event.param_count = load<std::uint32_t>(at + 22);
  event.length_size = is_large ? 4 : 2;
  event.lengths = at + kEventHead;
  const std::size_t room = block.body.size() - before - kEventHead;
  if (event.param_count > room / event.length_size) return std::nullopt;
  const std::size_t values = room - event.param_count * event.length_size;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < event.param_count; ++i) sum += event.length_of(i);
  if (sum > values) return std::nullopt;
  event.values = {event.lengths + event.param_count * event.length_size, sum};
  return event;
}

}  // namespace slurper
