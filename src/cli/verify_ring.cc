#include "cli/verify_ring.h"

#include <algorithm>
#include <utility>

#include "base/phrase_id.h"

namespace slurper {

void check_ring(const RingView& ring, const Uuid& boot, LogVerification& log) {
  const QuotedText name{ring.path};
  const auto note = [&](Phrase phrase) { log.notes.push_back(std::move(phrase)); };
  const auto& index = log.index;
  if (index && ring.log_id != index->log_id) {
    log.problems.push_back({PhraseId::RingOfOtherLog, {{"ring", name}}});
    return;
  }
  const std::uint64_t waiting = ring.head - std::clamp(log.end, ring.tail, ring.head);
  if (ring.boot_id != boot) {
    note({PhraseId::RingOfEarlierBoot, {{"ring", name}, {"size", waiting}}});
    return;
  }
  if (index && ring.session < index->session) {
    note({PhraseId::RingLeftBehind, {{"ring", name}, {"size", waiting}}});
    return;
  }
  if (ring.dropped_lines > 0)
    note({PhraseId::RingDroppedLines, {{"lines", ring.dropped_lines}, {"size", ring.dropped_bytes}}});
  if (log.writer) {
    // The ring changes all the time, but what it had released before the log was read is in the log.
    if (log.end < ring.tail) note({PhraseId::LogJustCut, {{"size", ring.tail - log.end}}});
    return;
  }
  if (index && log.end > ring.head && index->active_base > ring.head) {
    note({PhraseId::LogBeyondRing, {{"ring", name}, {"size", ring.head - ring.tail}}});
    return;
  }
  if (index && log.end < ring.tail && ring.session > index->session + 1) {
    note({PhraseId::LogIsOldCopy, {{"from", log.end.value}, {"to", ring.tail.value}}});
  } else if (log.end < ring.tail) {
    log.problems.push_back({PhraseId::LogCutShort, {{"from", log.end.value}, {"to", ring.tail.value}}});
  } else if (log.end > ring.head) {
    note({PhraseId::LogHasForeignEnd, {{"size", log.end - ring.head}}});
  }
  if (waiting > 0) note({PhraseId::RingHoldsBytes, {{"ring", name}, {"size", waiting}}});
  if (ring.unsettled > 0) {
    note({ring.unsettled_is_certain ? PhraseId::ReadCutShortInRing : PhraseId::ReadCutShort,
          {{"ring", name}, {"size", std::uint64_t{ring.unsettled}}}});
  }
}

}  // namespace slurper
