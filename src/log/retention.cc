#include "log/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/contract.h"
#include "base/error.h"

namespace slurper {

std::vector<Segment> plan_retention(std::span<const Segment> segments, const RetentionLimits& limits) {
  SLURPER_ASSERT(std::ranges::is_sorted(segments, {}, &Segment::base));
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::size_t kept_from = segments.size();
  while (kept_from > 0) {
    const Segment& segment = segments[kept_from - 1];
    // A segment that is there raw and compressed counts as one, with the bytes of both.
    const bool again = kept_from < segments.size() && segments[kept_from].base == segment.base;
    files += again ? 0 : 1;
    bytes += segment.stored;
    if (limits.keep_files > 0 && files > limits.keep_files) break;
    if (limits.keep_size.bytes > 0 && bytes > limits.keep_size.bytes) break;
    --kept_from;
  }
  // The limit may have fallen between the two files of one segment: both go.
  while (kept_from > 0 && kept_from < segments.size() &&
         segments[kept_from].base == segments[kept_from - 1].base)
    ++kept_from;
  return {segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(kept_from)};
}

std::vector<Segment> plan_room(std::span<const Segment> segments) {
  SLURPER_ASSERT(std::ranges::is_sorted(segments, {}, &Segment::base));
  const auto other = std::ranges::find_if(
      segments, [&](const Segment& segment) { return segment.base != segments.front().base; });
  return {segments.begin(), other};
}

RetentionOutcome carry_out(Os& os, const LogPaths& paths, std::span<const Segment> plan) {
  RetentionOutcome outcome;
  for (const Segment& segment : plan) {
    const int result = os.unlink(segment.path.c_str());
    if (result < 0 && result != -ENOENT) {
      outcome.failure = fail_errno(-result, about_file(PhraseId::RemoveOldSegment, segment.path)).error();
      break;
    }
    ++outcome.gone;
    // Another process removed it: so be it.
    if (result != -ENOENT) outcome.removed.push_back(segment);
  }
  if (!outcome.removed.empty()) {
    const int result = sync_directory(os, paths.directory().c_str());
    if (result < 0 && !outcome.failure)
      outcome.failure = fail_errno(-result, about_file(PhraseId::SyncLogFolder, paths.directory())).error();
  }
  return outcome;
}

}  // namespace slurper
