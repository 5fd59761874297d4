#include "sink/loop_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/uuid.h"

namespace slurper {

namespace {

constexpr std::uint8_t kWarning = 4;
constexpr std::uint8_t kInfo = 6;  // the severity of a line that names none

}  // namespace

void LoopProbe::begin() {
  if (std::exchange(has_come_back_, false) || id_.empty()) id_ = format(new_uuid());
  sent_at_.reset();
}

bool LoopProbe::is_due() const {
  return !sent_at_ || Clock::now() - *sent_at_ >= kAgain;
}

void LoopProbe::sent() {
  sent_at_ = Clock::now();
}

const Record* LoopProbe::came_back(std::span<const Record> batch) {
  const auto back =
      std::ranges::find_if(batch, [&](const Record& record) { return record.raw().contains(id_); });
  if (back == batch.end()) return nullptr;
  has_come_back_ = true;
  return &*back;
}

std::string LoopProbe::message(std::string_view what) const {
  return fmt::format("slurper {}; should this line come back to it, it stops: {}", what, id_);
}

std::uint8_t LoopProbe::severity_for(const Record& first) {
  return std::min(first.header().severity.value_or(kInfo), kWarning);
}

}  // namespace slurper
