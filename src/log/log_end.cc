#include "log/log_end.h"

namespace slurper {

AfterReboot classify_reboot(const RebootFacts& facts) {
  const bool is_set = facts.reserved.value != 0 && facts.reserved >= facts.base;
  if (is_set && facts.reserved < facts.end) return AfterReboot::Appended;
  const StreamOffset end_of_lines = facts.end + (facts.at_line_start ? 0 : 1);
  return facts.reserved > end_of_lines ? AfterReboot::MayLack : AfterReboot::Complete;
}

bool may_be_restarted(const EndFacts& facts) {
  const std::uint64_t size = facts.end - facts.base;
  return facts.end < facts.tail && !facts.restored && size > 0 && size <= facts.pending;
}

LogEnd classify_end(const EndFacts& facts) {
  if (facts.end == facts.tail) return LogEnd::Noted;
  if (facts.end > facts.tail) {
    const StreamOffset own_end = facts.tail + facts.written_of_pending;
    if (own_end == facts.end) return LogEnd::WrittenInPart;
    return own_end < facts.base ? LogEnd::PollutedBefore : LogEnd::Polluted;
  }
  if (facts.restored) return LogEnd::Restored;
  if (may_be_restarted(facts) && facts.begins_pending) return LogEnd::Restarted;
  return facts.end == facts.base ? LogEnd::CutToNothing : LogEnd::CutToAPart;
}

}  // namespace slurper
