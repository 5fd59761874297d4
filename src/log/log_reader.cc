#include "log/log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "log/log_errors.h"
#include "log/log_index.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

// Looks in one read(): the writer changes files in fewer steps, unless the disk holds it up.
constexpr int kLooks = 32;
constexpr auto kPause = 1ms;
constexpr int kIndexLooks = 3;  // one may fall into a write of a slot

Gap gap_of(NoteKind kind) {
  switch (kind) {
    case NoteKind::Moved:
      return Gap::Moved;
    case NoteKind::Cut:
      return Gap::Cut;
    case NoteKind::PowerLoss:
      return Gap::PowerLoss;
    case NoteKind::None:
    case NoteKind::Foreign:
      break;
  }
  return Gap::Removed;
}

// What the index says now; nothing if it can't be read, which costs a reader only the reasons of gaps.
std::optional<IndexRecord> look_at_index(Os& os, const LogPaths& paths) {
  std::optional<IndexRecord> record;
  for (int look = 0; look < kIndexLooks; ++look) {
    const Result<IndexReading> reading = read_index(os, paths);
    if (!reading) continue;
    record = reading->record;
    if (reading->damage.empty()) break;
  }
  return record;
}

bool is_missing(const Error& error) {
  return error.kind == ErrorKind::NoInput;
}

}  // namespace

PhraseId reason_of(Gap why) {
  switch (why) {
    case Gap::Moved:
      return PhraseId::GapMoved;
    case Gap::Cut:
      return PhraseId::GapCut;
    case Gap::Damaged:
      return PhraseId::GapDamaged;
    case Gap::PowerLoss:
      return PhraseId::GapPowerLoss;
    case Gap::None:
    case Gap::Removed:
      break;
  }
  return PhraseId::GapRemoved;
}

LogReader::LogReader(Os& os, LogPaths paths, const LogFeed& feed, std::optional<StreamOffset> from)
    : os_(os),
      paths_(std::move(paths)),
      feed_(feed),
      position_(from.value_or(StreamOffset{})),
      found_(from),
      from_beginning_(!from) {}

Result<LogReader::Chunk> LogReader::read(std::span<char> out) {
  thread_.assert_is_caller();
  SLURPER_ASSERT(!out.empty());
  behind_.reset();
  for (int look = 0; look < kLooks; ++look) {
    const Step stepped = step(out);
    if (!stepped) return std::unexpected(stepped.error());
    if (const std::optional<Chunk>& chunk = *stepped) {
      if (chunk->bytes > 0) from_beginning_ = false;
      return *chunk;
    }
  }
  return pause();
}

LogReader::Chunk LogReader::pause() {
  open_.reset();
  std::this_thread::sleep_for(kPause);
  return {.at = position_};
}

LogReader::Step LogReader::step(std::span<char> out) {
  const LogFeed::Snapshot feed = feed_.snapshot();
  if (!found_) {
    const Result<StreamOffset> first = oldest();
    if (!first) return std::unexpected(first.error());
    position_ = std::min(*first, feed.active.base);
    found_ = true;
  }
  const StreamOffset position = position_;
  if (position > feed.end) {
    return fail(ErrorKind::Data,
                about_file(PhraseId::ReadLogFrom, paths_.active()).with({"offset", position.value}),
                {PhraseId::NothingWrittenThere, {{"end", feed.end.value}}});
  }
  if (open_ && open_->active) {
    if (feed.cuts != open_->cuts) {
      open_.reset();
    } else if (feed.active.base == open_->base) {
      open_->end = open_->next = feed.end;
    } else if (const Status settled = settle(feed); !settled) {
      return std::unexpected(settled.error());
    }
  }
  if (open_ && !open_->active && position >= open_->end) return end_open();
  if (position == feed.end) return Chunk{.at = position};
  if (open_) return read_open(out, feed);
  return position >= feed.active.base ? open_active(feed) : open_rotated(feed);
}

// The file that the log is written to, by its inode; it may have been renamed just now.
LogReader::Step LogReader::open_active(const LogFeed::Snapshot& feed) {
  const StreamOffset base = feed.active.base;
  const auto unchanged = [&] {
    const LogFeed::Snapshot now = feed_.snapshot();
    return now.open && now.active == feed.active && now.cuts == feed.cuts;
  };
  for (const std::string& path : {paths_.active(), paths_.rotated(base)}) {
    // Between two files, only the name of a rotated one says what it is.
    if (!feed.open && path == paths_.active()) continue;
    Result<SegmentReader> reader =
        SegmentReader::open(os_, {.base = base, .path = path, .stored = 0, .compressed = false, .mtime = {}});
    if (!reader && is_missing(reader.error())) continue;
    if (!reader) {
      behind_ = feed.end;
      return std::unexpected(reader.error());
    }
    if (feed.open) {
      if (reader->device() != feed.active.device || reader->inode() != feed.active.inode) continue;
      if (!unchanged()) return std::nullopt;
    }
    if (reader->size() < position_ - base) return gap_to(feed.end, Gap::Cut);
    if (const Status there = reader->skip_to(position_); !there) return std::unexpected(there.error());
    open_ = std::make_unique<Open>(Open{.reader = std::move(*reader),
                                        .base = base,
                                        .end = feed.end,
                                        .next = feed.end,
                                        .active = true,
                                        .cuts = feed.cuts});
    listed_ = {};
    return std::nullopt;
  }
  // Moved away or removed; the writer has not seen it yet, and may not as long as nothing comes.
  if (feed.open && unchanged()) return gap_to(feed.end, Gap::Removed);
  if (!feed.open) return pause();
  return std::nullopt;
}

// The rotated segment that holds position_: by the earlier listing, if that has it, or else by a new
// one. By an old one nothing is missing, or damaged, or the last.
LogReader::Step LogReader::open_rotated(const LogFeed::Snapshot& feed) {
  StreamOffset next;
  for (const bool old : {true, false}) {
    if (!old) {
      Result<std::vector<Segment>> segments = list_segments(os_, paths_);
      if (!segments) return std::unexpected(segments.error());
      listed_ = std::move(*segments);
    }
    const auto after = std::ranges::upper_bound(std::as_const(listed_), position_, {}, &Segment::base);
    if (old && after == listed_.end()) continue;
    next = after == listed_.end() ? feed.active.base : std::min(after->base, feed.active.base);
    if (after == listed_.begin()) continue;
    const StreamOffset base = std::prev(after)->base;
    for (const Segment& segment : ways_to(after)) {
      Result<SegmentReader> reader = SegmentReader::open(os_, segment);
      if (!reader && (old || is_missing(reader.error()))) continue;
      if (!reader) {
        behind_ = next;
        return std::unexpected(reader.error());
      }
      const StreamOffset end = base + std::min(own_bytes(base, reader->size()), next - base);
      if (position_ >= end) continue;
      if (const Status there = reader->skip_to(position_); !there) {
        if (old) continue;
        behind_ = next;
        return std::unexpected(there.error());
      }
      open_ = std::make_unique<Open>(Open{.reader = std::move(*reader),
                                          .base = base,
                                          .end = end,
                                          .next = next,
                                          .active = false,
                                          .compressed = segment.compressed});
      return std::nullopt;
    }
  }
  return gap_to(next, Gap::Removed);
}

// The files of the segment before `after` in the listing, and the one that it may have been compressed into
// since.
std::vector<Segment> LogReader::ways_to(std::vector<Segment>::const_iterator after) const {
  const StreamOffset base = std::prev(after)->base;
  std::vector<Segment> ways(std::ranges::lower_bound(listed_, base, {}, &Segment::base), after);
  if (!ways.back().compressed) {
    Segment compressed = ways.back();
    compressed.path = paths_.compressed(base);
    compressed.compressed = true;
    ways.push_back(std::move(compressed));
  }
  return ways;
}

// What was active when it was opened has got its end since.
Status LogReader::settle(const LogFeed::Snapshot& feed) {
  const Result<std::vector<Segment>> segments = list_segments(os_, paths_);
  if (!segments) return std::unexpected(segments.error());
  const Result<std::uint64_t> stored = open_->reader.stored();
  if (!stored) return std::unexpected(stored.error());
  const auto after = std::ranges::upper_bound(*segments, open_->base, {}, &Segment::base);
  open_->next = after == segments->end() ? feed.active.base : std::min(after->base, feed.active.base);
  open_->end = open_->base + std::min(own_bytes(open_->base, *stored), open_->next - open_->base);
  open_->active = false;
  return {};
}

LogReader::Step LogReader::read_open(std::span<char> out, const LogFeed::Snapshot& feed) {
  const std::uint64_t left = open_->end - position_;
  const Result<std::size_t> got = open_->reader.read(out.first(std::min<std::uint64_t>(out.size(), left)));
  if (!got) {
    behind_ = open_->next;
    open_.reset();
    return std::unexpected(got.error());
  }
  const Chunk chunk{.at = position_, .bytes = *got};
  if (open_->active) {
    const Step checked = check_active(feed, chunk);
    if (!checked) return checked;
    const std::optional<Chunk>& stands = *checked;
    if (!stands || stands->bytes == 0) return checked;
  } else if (*got == 0) {
    return gap_to(open_->end, Gap::Cut);
  }
  position_ += *got;
  return chunk;
}

// Whether what was read of the active segment stood where it was written. Another process may have cut the
// file to nothing, and the writer may have put the first bytes of the next segment there and not said so yet.
LogReader::Step LogReader::check_active(const LogFeed::Snapshot& feed, Chunk chunk) {
  const std::uint64_t written = feed.end - open_->base;
  const Result<std::uint64_t> stored = open_->reader.stored();
  if (!stored) {
    open_.reset();  // it has read on, position_ has not
    return std::unexpected(stored.error());
  }
  // In this order: a write that has ended has reported a cut.
  const std::uint64_t in_flight = feed_.in_flight();
  if (feed_.snapshot().cuts != open_->cuts) {
    open_.reset();
    return std::nullopt;
  }
  if (in_flight >= written) return pause();
  if (*stored < written || chunk.bytes == 0) return gap_to(feed.end, Gap::Cut);
  return chunk;
}

LogReader::Step LogReader::end_open() {
  // Only its end proves a compressed segment.
  if (open_->compressed && open_->end == open_->base + open_->reader.size()) {
    std::array<char, 1> more{};
    const Result<std::size_t> got = open_->reader.read(more);
    if (!got) {
      behind_ = open_->end;
      open_.reset();
      Error error = got.error();
      error.advice = PhraseId::MayBeWrong;
      return std::unexpected(std::move(error));
    }
  }
  open_.reset();
  return std::nullopt;
}

LogReader::Step LogReader::gap_to(StreamOffset target, Gap otherwise) {
  const StreamOffset from = position_;
  Gap why = otherwise;
  if (otherwise == Gap::Removed) {
    const std::optional<IndexRecord> record = look_at_index(os_, paths_);
    const std::optional<StreamNote> note = record ? record->next_noted(from) : std::nullopt;
    if (note && note->offset > from) {
      target = std::min(target, note->offset);
    } else if (note) {
      target = std::min(target, note->end());
      why = gap_of(note->kind);
    }
  }
  open_.reset();
  position_ = target;
  if (from_beginning_) return std::nullopt;
  return Chunk{.at = target, .bytes = 0, .missing = target - from, .why = why};
}

LogReader::Chunk LogReader::skip_segment() {
  open_.reset();
  const StreamOffset from = position_;
  const StreamOffset target = std::exchange(behind_, std::nullopt).value_or(from);
  if (target == from) return {.at = from};
  position_ = target;
  return {.at = target, .bytes = 0, .missing = target - from, .why = Gap::Damaged};
}

// Of the rotated segments; far away if there is none.
Result<StreamOffset> LogReader::oldest() const {
  const Result<std::vector<Segment>> segments = list_segments(os_, paths_);
  if (!segments) return std::unexpected(segments.error());
  return segments->empty() ? StreamOffset{std::numeric_limits<std::uint64_t>::max()} : segments->front().base;
}

std::uint64_t LogReader::own_bytes(StreamOffset base, std::uint64_t size) const {
  const std::optional<IndexRecord> record = look_at_index(os_, paths_);
  return record ? record->own_bytes(base, size) : size;
}

}  // namespace slurper
