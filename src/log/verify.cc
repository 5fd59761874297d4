#include "log/verify.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "base/error.h"
#include "log/log_errors.h"
#include "log/log_snapshot.h"
#include "log/segment_reader.h"
#include "log/times_file.h"
#include "log/verify_cursors.h"
#include "log/verify_offsets.h"

namespace slurper {

namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

class Verifier {
 public:
  Verifier(Os& os, const LogPaths& paths) : os_(os), paths_(paths), chunk_(kChunk) {}

  Result<LogVerification> verify() {
    // Reads the cursors first: what a sink has delivered is in the log that is read afterwards.
    const auto cursors = inspect_cursors(os_, paths_);
    if (!cursors && cursors.error().kind == ErrorKind::NoPermission) return std::unexpected(cursors.error());
    auto looked = take_snapshot(os_, paths_);
    if (!looked) return std::unexpected(std::move(looked.error()));
    snapshot_ = std::move(*looked);
    log_.index = snapshot_.record();
    if (!snapshot_.active && snapshot_.rotated.empty() && !log_.index)
      return fail(ErrorKind::NoInput, about_file(PhraseId::VerifyLog, paths_.active()),
                  PhraseId::NoLogToVerify);
    log_.writer = snapshot_.writer;

    if (auto status = check_index(); !status) return std::unexpected(std::move(status.error()));
    if (auto status = read_rotated(); !status) return std::unexpected(std::move(status.error()));
    const StreamOffset active_base = find_active_base();
    check_active(active_base);
    if (auto status = read_active(active_base); !status) return std::unexpected(std::move(status.error()));
    check_offsets(paths_, active_base, log_);
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

  // Reads up to `limit` bytes of `reader`, and counts their lines. Returns how many bytes it read. An error
  // goes to `failure`, because the bytes before it count.
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

  // Reads bytes that do not belong to the stream.
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
      // Reads the rest, and one byte more than there should be: a compressed segment ends with a checksum.
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

  // Does what a start does: if a rotation was cut short, the index still names the base of a segment that has
  // been rotated, and the active segment follows that one.
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

  // Damage here is only a note, because only the arrival times depend on this file.
  void check_times() {
    if (!log_.index) return;
    const auto damage = inspect_times(os_, paths_, log_.index->ids());
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
  LogSnapshot snapshot_;
  LogVerification log_;
  bool rotation_cut_short_ = false;
  std::vector<char> chunk_;
};

}  // namespace

Result<LogVerification> verify_log(Os& os, const LogPaths& paths) {
  return Verifier(os, paths).verify();
}

}  // namespace slurper
