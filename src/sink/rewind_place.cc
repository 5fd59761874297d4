#include "sink/rewind_place.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "base/local_time.h"
#include "base/phrase_id.h"
#include "log/arrival_times.h"

namespace slurper {

namespace {

std::unexpected<Error> no_such_place(Phrase why) {
  return fail(ErrorKind::Usage, {}, std::move(why));
}

std::string local_text(Timestamp time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%F %T}", seconds + local_offset(seconds));
}

// The first byte that came at `time` or later. The clock may have been set back between any two blocks, so
// the first block that reaches `time` counts, not the last one before it.
Result<StreamOffset> find_time(const SinkLog& log, Timestamp time, StreamOffset begin, StreamOffset end) {
  if (time > std::chrono::system_clock::now()) return no_such_place(PhraseId::RewindTimeToCome);
  ArrivalTimes times(log.os, log.paths, log.ids);
  times.refresh(std::nullopt);
  std::optional<StreamOffset> found;
  std::optional<StreamOffset> unknown;  // the blocks up to the present one, whose times are unknown
  std::optional<Timestamp> oldest;
  bool begins_unknown = false;
  times.for_each(begin, end, [&](const ArrivalTimes::Block& block) {
    const StreamOffset from = std::max(block.begin, begin);
    if (!block.time) {
      begins_unknown = begins_unknown || !oldest;
      if (!unknown) unknown = from;
      return;
    }
    if (!oldest) oldest = block.time;
    if (!found && *block.time + kMarkSpan > time) found = unknown.value_or(from);
    unknown.reset();
  });
  if (!oldest && begin < end) return no_such_place(PhraseId::RewindTimesUnknown);
  // What is older than the oldest byte is gone, unless the log has all that ever came.
  if (oldest && time < *oldest && (begin.value > 0 || begins_unknown))
    return no_such_place(
        {PhraseId::RewindTimeGone, {{"offset", begin.value}, {"time", local_text(*oldest)}}});
  if (!found) found = unknown;
  return found.value_or(end);
}

}  // namespace

Result<StreamOffset> find_rewind_place(const SinkLog& log, const RecordSource& source, const RewindTo& to,
                                       const std::function<bool()>& stops) {
  const Result<StreamOffset> begin = source.oldest();
  if (!begin || to.kind == RewindTo::Kind::Beginning) return begin;
  StreamOffset at = log.feed.end();
  if (to.kind == RewindTo::Kind::Offset) {
    if (to.offset < *begin || to.offset > at)
      return no_such_place({PhraseId::CursorPlaceOutside, {{"from", begin->value}, {"to", at.value}}});
    at = to.offset;
  } else if (to.kind == RewindTo::Kind::Time) {
    const Result<StreamOffset> found = find_time(log, to.time, *begin, at);
    if (!found) return found;
    at = *found;
  }
  return source.line_begin(at, stops);
}

}  // namespace slurper
