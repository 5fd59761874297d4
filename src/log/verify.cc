#include "log/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <span>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "log/segment_reader.h"
#include "log/time_index.h"
#include "log/verify_cursors.h"
#include "proc/lock_holder.h"

namespace slurper {

namespace {

// A rotation takes two syncs of a disk that may be busy.
constexpr int kLooks = 100;
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);
constexpr std::size_t kChunk = std::size_t{256} << 10;

// What the log's folder and index said at one moment, between two rotations.
struct Snapshot {
  Result<IndexReading> index;
  std::vector<Segment> rotated;
  std::vector<std::string> temporaries;
  std::optional<SegmentReader> active;  // opened, lest a rotation take it away; its base is not known yet
  ino_t active_inode = 0;
  std::optional<pid_t> writer;
};

QuotedText name_of(const std::string& path) {
  return {path.substr(path.rfind('/') + 1)};
}

// The inode at the log's path; 0 if there is nothing.
Result<ino_t> active_inode(Os& os, const LogPaths& paths) {
  const Phrase what = about_file(PhraseId::VerifyLog, paths.active());
  struct stat st{};
  const int result = os.lstat(paths.active().c_str(), &st);
  if (result == -ENOENT) return 0;
  if (result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::NoInput, what, not_a_regular_file(paths.active(), st.st_mode),
                PhraseId::NameTheLogItself);
  return st.st_ino;
}

std::optional<pid_t> writer_of(Os& os, const LogPaths& paths) {
  if (const auto writer = flock_holder(paths.lock())) return writer;
  // An older slurper locks the index itself; as any reader could.
  const UniqueFd index_fd(os.open(paths.index().c_str(), O_PATH | O_NOFOLLOW));
  if (!index_fd) return std::nullopt;
  const LockHolder holder = find_lock_holder(index_fd.get());
  return holder.kind == LockHolder::Kind::Slurper ? std::optional(holder.pid) : std::nullopt;
}

std::optional<IndexRecord> record_of(const Result<IndexReading>& index) {
  return index ? index->record : std::nullopt;
}

// Whether nothing is half done, as it may be while the log is being written: a rotation, of which the index
// still names the old base, or a write to one of the index's slots.
bool is_settled(const Snapshot& snapshot) {
  if (!snapshot.writer) return true;
  if (!snapshot.index || !snapshot.index->damage.empty()) return false;
  const std::optional<IndexRecord> record = record_of(snapshot.index);
  if (!record) return true;
  if (snapshot.active_inode != 0 && snapshot.active_inode != record->active_inode) return false;
  const StreamOffset base = record->active_base;
  return std::ranges::none_of(snapshot.rotated, [&](const Segment& segment) { return segment.base == base; });
}

std::uint64_t sequence_of(const Result<IndexReading>& index) {
  const std::optional<IndexRecord> record = record_of(index);
  return record ? record->sequence : 0;
}

// One look; nothing if a rotation came in between.
Result<std::optional<Snapshot>> look_once(Os& os, const LogPaths& paths) {
  Snapshot snapshot;
  snapshot.index = read_index(os, paths);
  const auto inode = active_inode(os, paths);
  if (!inode) return std::unexpected(inode.error());
  if (*inode != 0) {
    auto active = SegmentReader::open(
        os, {.base = {}, .path = paths.active(), .stored = 0, .compressed = false, .mtime = {}});
    if (active) {
      snapshot.active = std::move(*active);
    } else if (active.error().errnum == ENOENT) {
      return std::nullopt;
    } else {
      return std::unexpected(std::move(active.error()));
    }
  }
  auto rotated = list_segments(os, paths);
  if (!rotated) return std::unexpected(std::move(rotated.error()));
  auto temporaries = list_temporaries(paths);
  if (!temporaries) return std::unexpected(std::move(temporaries.error()));

  // With the same file at the log's path before and after, the folder was read between two rotations.
  const auto inode_after = active_inode(os, paths);
  if (!inode_after) return std::unexpected(inode_after.error());
  if (*inode_after != *inode || sequence_of(read_index(os, paths)) != sequence_of(snapshot.index))
    return std::nullopt;

  snapshot.active_inode = *inode;
  snapshot.rotated = std::move(*rotated);
  snapshot.temporaries = std::move(*temporaries);
  snapshot.writer = writer_of(os, paths);
  return snapshot;
}

Result<Snapshot> look(Os& os, const LogPaths& paths) {
  for (int looks = 1;; ++looks) {
    auto looked = look_once(os, paths);
    if (!looked) return std::unexpected(std::move(looked.error()));
    std::optional<Snapshot>& snapshot = *looked;
    if (snapshot && (looks >= kLooks || is_settled(*snapshot))) return std::move(*snapshot);
    if (looks >= kLooks)
      return fail(ErrorKind::Busy, about_file(PhraseId::VerifyLog, paths.active()),
                  PhraseId::RotatedAllTheTime);
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

class Verifier {
 public:
  Verifier(Os& os, const LogPaths& paths) : os_(os), paths_(paths), chunk_(kChunk) {}

  Result<LogVerification> verify() {
    // First: what a sink has delivered is in the log that is read afterwards.
    const auto cursors = inspect_cursors(os_, paths_);
    if (!cursors && cursors.error().kind == ErrorKind::NoPermission) return std::unexpected(cursors.error());
    auto looked = look(os_, paths_);
    if (!looked) return std::unexpected(std::move(looked.error()));
    snapshot_ = std::move(*looked);
    log_.index = record_of(snapshot_.index);
    if (!snapshot_.active && snapshot_.rotated.empty() && !log_.index)
      return fail(ErrorKind::NoInput, about_file(PhraseId::VerifyLog, paths_.active()),
                  PhraseId::NoLogToVerify);
    log_.writer = snapshot_.writer;

    if (auto status = check_index(); !status) return std::unexpected(std::move(status.error()));
    if (auto status = read_rotated(); !status) return std::unexpected(std::move(status.error()));
    const StreamOffset active_base = find_active_base();
    check_active(active_base);
    if (auto status = read_active(active_base); !status) return std::unexpected(std::move(status.error()));
    check_contiguity(active_base);
    if (cursors) check_cursors(os_, paths_, *cursors, log_);
    note_leftovers();
    check_times();
    return std::move(log_);
  }

 private:
  void problem(Phrase phrase) { log_.problems.push_back(std::move(phrase)); }
  void note(Phrase phrase) { log_.notes.push_back(std::move(phrase)); }

  Status check_index() {
    if (!snapshot_.index) {
      const Error& error = snapshot_.index.error();
      if (error.kind == ErrorKind::NoPermission) return std::unexpected(error);
      if (error.kind == ErrorKind::NoInput) {
        problem({PhraseId::IndexMissing, {{"file", name_of(paths_.index())}}});
      } else {
        problem(caused_by(error, {PhraseId::IndexUnusable, {{"file", name_of(paths_.index())}}}));
      }
      return {};
    }
    for (const auto& damage : snapshot_.index->damage)
      note({PhraseId::SlotOfFileDamaged, {{"damage", damage}}});
    if (!log_.index) note(PhraseId::IndexEmpty);
    if (log_.index && log_.index->torn_lines_closed > 0)
      note({PhraseId::TornLinesClosed, {{"lines", std::uint64_t{log_.index->torn_lines_closed}}}});
    return {};
  }

  // Reads `reader` up to `limit` bytes and counts lines. How many bytes there were; the failure goes to
  // `failure`, for what came before it counts nevertheless.
  std::uint64_t count(SegmentReader& reader, std::uint64_t limit, std::uint64_t& lines,
                      std::optional<Error>& failure) {
    std::uint64_t done = 0;
    while (done < limit) {
      const auto size =
          reader.read(std::span(chunk_).first(std::min<std::uint64_t>(chunk_.size(), limit - done)));
      if (!size) {
        failure = size.error();
        break;
      }
      if (*size == 0) break;
      const std::span<const char> data = std::span(chunk_).first(*size);
      lines += static_cast<std::uint64_t>(std::ranges::count(data, '\n'));
      const void* newline = memrchr(data.data(), '\n', data.size());
      const auto after_newline =
          newline == nullptr
              ? *size + log_.unfinished_line_bytes
              : static_cast<std::size_t>(data.data() + data.size() - static_cast<const char*>(newline) - 1);
      log_.unfinished_line_bytes = after_newline;
      done += *size;
    }
    return done;
  }

  // Reads what is not the stream's.
  std::uint64_t read_on(SegmentReader& reader, std::uint64_t limit, std::optional<Error>& failure) {
    std::uint64_t lines = 0;
    const std::uint64_t unfinished = log_.unfinished_line_bytes;
    const std::uint64_t done = count(reader, limit, lines, failure);
    log_.unfinished_line_bytes = unfinished;
    return done;
  }

  // Returns how many of the `size` bytes of a segment's file belong to the stream. If the index has forgotten
  // that other processes wrote to it, `next`, the base of the segment after it, shows that.
  std::uint64_t own_bytes(StreamOffset base, std::uint64_t size, StreamOffset next, const std::string& path) {
    std::uint64_t own = log_.index ? log_.index->own_bytes(base, size) : size;
    if (log_.index && next > base && next <= log_.index->forgotten_before) own = std::min(own, next - base);
    if (own < size)
      note({PhraseId::ForeignBytes,
            {{"size", size - own}, {"file", name_of(path)}, {"offset", (base + own).value}}});
    return own;
  }

  Status read_rotated() {
    for (std::size_t i = 0; i < snapshot_.rotated.size(); ++i) {
      const Segment& segment = snapshot_.rotated[i];
      if (segment.compressed && i > 0 && snapshot_.rotated[i - 1].base == segment.base) {
        note({snapshot_.writer ? PhraseId::CompressionFinishes : PhraseId::SegmentIsDouble,
              {{"file", name_of(segment.path)}}});
        continue;
      }
      const auto later = std::ranges::upper_bound(snapshot_.rotated, segment.base, {}, &Segment::base);
      StreamOffset next = log_.index ? log_.index->active_base : StreamOffset{};
      if (later != snapshot_.rotated.end()) next = later->base;
      if (auto status = read_rotated_segment(segment, next); !status) return status;
    }
    return {};
  }

  // A raw segment that vanished since the folder was read has been compressed meanwhile.
  Result<SegmentReader> open_segment(Segment& segment) {
    auto reader = SegmentReader::open(os_, segment);
    if (reader || reader.error().errnum != ENOENT || segment.compressed) return reader;
    Segment compressed = segment;
    compressed.path = paths_.compressed(segment.base);
    compressed.compressed = true;
    struct stat st{};
    if (os_.lstat(compressed.path.c_str(), &st) < 0) return reader;
    compressed.stored = static_cast<std::uint64_t>(st.st_size);
    segment = compressed;
    return SegmentReader::open(os_, segment);
  }

  Status read_rotated_segment(Segment segment, StreamOffset next) {
    std::optional<Error> failure;
    auto reader = open_segment(segment);
    VerifiedSegment verified{
        .kind = segment.compressed ? VerifiedSegment::Kind::Compressed : VerifiedSegment::Kind::Raw,
        .base = segment.base,
        .bytes = 0,
        .stored = segment.stored};
    if (reader) {
      verified.bytes = own_bytes(segment.base, reader->size(), next, segment.path);
      std::uint64_t found = count(*reader, verified.bytes, verified.lines, failure);
      // The rest, and a byte more than there should be, so that a compressed segment is read to its proven
      // end.
      if (!failure) found += read_on(*reader, reader->size() - found + 1, failure);
      if (!failure && found != reader->size())
        failure = Error{ErrorKind::Data, 0, {}, PhraseId::SegmentSizeChanged, {}};
    } else if (reader.error().errnum == ENOENT) {
      note({PhraseId::SegmentGone, {{"file", name_of(segment.path)}}});
      return {};
    } else {
      failure = reader.error();
    }
    if (failure) {
      if (failure->kind == ErrorKind::NoPermission) return std::unexpected(std::move(*failure));
      verified.damaged = true;
      Phrase damaged(
          PhraseId::SegmentDamaged,
          {{"file", name_of(segment.path)}, {"offset", segment.base.value}, {"reason", failure->why}});
      if (segment.compressed) damaged.with({"advice", Phrase(PhraseId::RestoreCompressed)});
      problem(std::move(damaged));
    }
    log_.segments.push_back(verified);
    return {};
  }

  // As slurper itself does at its start: after a rotation that was cut short the index still names the base
  // of a segment that has been rotated, and the active one follows it.
  StreamOffset find_active_base() {
    StreamOffset base = log_.index ? log_.index->active_base : StreamOffset{};
    bool rotated = false;
    for (const VerifiedSegment& segment : log_.segments) {
      if (segment.base < base) continue;
      if (segment.base > base && log_.index) break;
      base = segment.base + segment.bytes;
      rotated = true;
    }
    rotation_cut_short_ = rotated && log_.index;
    if (rotation_cut_short_) note(snapshot_.writer ? PhraseId::RotationUnderWay : PhraseId::RotationCutShort);
    return base;
  }

  void check_active(StreamOffset base) {
    if (rotation_cut_short_ || !log_.index) return;
    if (!snapshot_.active) {
      problem({PhraseId::ActiveMissing, {{"file", name_of(paths_.active())}, {"offset", base.value}}});
    } else if (log_.index->active_inode != snapshot_.active_inode) {
      problem({PhraseId::ActiveReplaced,
               {{"file", name_of(paths_.active())},
                {"inode", std::uint64_t{snapshot_.active_inode}},
                {"known", std::uint64_t{log_.index->active_inode}}}});
    }
  }

  Status read_active(StreamOffset base) {
    log_.end = base;
    if (!snapshot_.active) return {};
    VerifiedSegment verified{.kind = VerifiedSegment::Kind::Active,
                             .base = base,
                             .bytes = own_bytes(base, snapshot_.active->size(), base, paths_.active()),
                             .stored = snapshot_.active->size()};
    std::optional<Error> failure;
    const std::uint64_t found = count(*snapshot_.active, verified.bytes, verified.lines, failure);
    if (failure && failure->kind == ErrorKind::NoPermission) return std::unexpected(std::move(*failure));
    if (failure || found != verified.bytes) {
      verified.damaged = true;
      problem({PhraseId::ActiveUnreadable,
               {{"file", name_of(paths_.active())},
                {"reason", failure ? failure->why : Phrase(PhraseId::ActiveCutShort)}}});
    }
    log_.end = base + verified.bytes;
    log_.segments.push_back(verified);
    return {};
  }

  // Every offset between the first segment's and the log's end is in one segment.
  void check_contiguity(StreamOffset active_base) {
    const StreamOffset first = log_.segments.empty() ? active_base : log_.segments.front().base;
    if (first > StreamOffset{}) note({PhraseId::BeginsLater, {{"size", first.value}}});
    StreamOffset expected = first;
    const VerifiedSegment* before = nullptr;
    for (const VerifiedSegment& segment : log_.segments) {
      if (before != nullptr && segment.base < expected) overlap(*before, segment);
      check_gap(expected, segment.base);
      expected = std::max(expected, segment.base + segment.bytes);
      before = &segment;
    }
    if (!snapshot_.active) check_gap(expected, active_base);
  }

  QuotedText file_of(const VerifiedSegment& segment) const {
    switch (segment.kind) {
      case VerifiedSegment::Kind::Raw:
        return name_of(paths_.rotated(segment.base));
      case VerifiedSegment::Kind::Compressed:
        return name_of(paths_.compressed(segment.base));
      case VerifiedSegment::Kind::Active:
        break;
    }
    return name_of(paths_.active());
  }

  void overlap(const VerifiedSegment& before, const VerifiedSegment& segment) {
    const std::uint64_t size = segment.base - before.base;
    const bool is_compressed = before.kind == VerifiedSegment::Kind::Compressed;
    const Phrase mend(is_compressed ? PhraseId::RestoreWhole : PhraseId::CutItBack,
                      {{"file", file_of(before)}, {"size", size}});
    problem({PhraseId::SegmentsOverlap,
             {{"from", segment.base.value},
              {"end", (before.base + before.bytes).value},
              {"file", file_of(segment)},
              {"mend", mend}}});
  }

  void check_gap(StreamOffset expected, StreamOffset base) {
    while (expected < base) {
      const std::optional<StreamNote> known = next_noted(expected);
      const StreamOffset known_from = known ? std::min(known->offset, base) : base;
      if (known_from > expected) {
        problem({PhraseId::OffsetsMissing,
                 {{"from", expected.value},
                  {"to", known_from.value},
                  {"size", known_from - expected},
                  {"file", name_of(paths_.rotated(expected))}}});
      }
      expected = known ? std::min(known->end(), base) : base;
      if (known && known_from < expected) note(explain(known_from, expected, known->kind));
    }
  }

  // Returns the first gap at or after `from` that the index has noted.
  std::optional<StreamNote> next_noted(StreamOffset from) const {
    if (!log_.index) return std::nullopt;
    if (log_.index->forgotten_before > from)
      return StreamNote{NoteKind::Cut, from, log_.index->forgotten_before - from};
    return log_.index->next_noted(from);
  }

  static Phrase explain(StreamOffset from, StreamOffset to, NoteKind kind) {
    PhraseId id = PhraseId::OffsetsRemoved;
    if (kind == NoteKind::Moved) id = PhraseId::OffsetsMoved;
    if (kind == NoteKind::PowerLoss) id = PhraseId::OffsetsLost;
    return {id, {{"from", from.value}, {"to", to.value}}};
  }

  // Damage here is only a note, because nothing but the times depends on it.
  void check_times() {
    if (!log_.index) return;
    const auto damage = inspect_times(os_, paths_, log_.index->log_id);
    if (!damage) {
      if (damage.error().kind != ErrorKind::NoInput)
        note({PhraseId::ArrivalTimesUnknown, {{"error", as_phrase(damage.error())}}});
    } else if (const auto& reason = *damage) {
      note({PhraseId::ArrivalTimesDamaged, {{"file", name_of(paths_.times())}, {"reason", Phrase(*reason)}}});
    }
  }

  void note_leftovers() {
    std::error_code error;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator entry(paths_.directory(), error); !error && entry != end;
         entry.increment(error)) {
      if (paths_.is_quarantined(entry->path().filename().native()))
        note({PhraseId::SegmentQuarantined, {{"file", name_of(entry->path())}}});
    }
    for (const std::string& path : snapshot_.temporaries) {
      note({snapshot_.writer ? PhraseId::CompressionUnderWay : PhraseId::CompressionCutShort,
            {{"file", name_of(path)}}});
    }
  }

  Os& os_;
  const LogPaths& paths_;
  Snapshot snapshot_;
  LogVerification log_;
  bool rotation_cut_short_ = false;
  std::vector<char> chunk_;
};

}  // namespace

Result<LogVerification> verify_log(Os& os, const LogPaths& paths) {
  return Verifier(os, paths).verify();
}

}  // namespace slurper
