#include "log/log_extent.h"

#include <sys/stat.h>

#include <algorithm>

#include "log/log_errors.h"
#include "log/log_index.h"
#include "log/segment_reader.h"

namespace slurper {

namespace {

constexpr int kLooks = 10;  // one may fall into a rotation

// As slurper itself does at its start: after a rotation that was cut short the index still names the base of
// a segment that has been rotated, and the active one follows it.
Result<StreamOffset> active_base(Os& os, const IndexRecord& record, const std::vector<Segment>& segments) {
  StreamOffset base = record.active_base;
  for (const Segment& segment : segments) {
    if (segment.base < base) continue;
    if (segment.base > base) break;
    const Result<SegmentReader> reader = SegmentReader::open(os, segment);
    if (!reader) return std::unexpected(reader.error());
    base = segment.base + record.own_bytes(segment.base, reader->size());
  }
  return base;
}

Result<IndexRecord> index_of(Os& os, const LogPaths& paths) {
  const Result<IndexReading> reading = read_index(os, paths);
  if (!reading) return std::unexpected(reading.error());
  if (!reading->record)
    return fail(ErrorKind::NoInput, about_file(PhraseId::LookAtLog, paths.active()), PhraseId::IndexIsNew);
  return *reading->record;
}

}  // namespace

Result<LogExtent> read_extent(Os& os, const LogPaths& paths) {
  for (int look = 0; look < kLooks; ++look) {
    const Result<IndexRecord> record = index_of(os, paths);
    if (!record) return std::unexpected(record.error());
    const Result<std::vector<Segment>> segments = list_segments(os, paths);
    if (!segments) return std::unexpected(segments.error());
    const Result<StreamOffset> base = active_base(os, *record, *segments);
    if (!base) return std::unexpected(base.error());
    LogExtent extent{.ids = record->ids(), .begin = *base, .end = *base, .active = {.base = *base}};
    if (!segments->empty()) extent.begin = std::min(segments->front().base, *base);
    struct stat st{};
    if (const int result = os.lstat(paths.active().c_str(), &st); result == 0 && S_ISREG(st.st_mode)) {
      extent.active = {.base = *base, .device = st.st_dev, .inode = st.st_ino};
      extent.end += record->own_bytes(*base, static_cast<std::uint64_t>(st.st_size));
    }
    const Result<IndexRecord> again = index_of(os, paths);
    if (again && again->active_base == record->active_base && again->active_inode == record->active_inode)
      return extent;
  }
  return fail(ErrorKind::Busy, about_file(PhraseId::LookAtLog, paths.active()), PhraseId::RotatedAllTheTime);
}

}  // namespace slurper
