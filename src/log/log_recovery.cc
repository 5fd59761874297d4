// LogWriter's start: it resolves what a crash, a loss of power or other processes left, and finds where the
// stream continues. rotation_state.h and log_end.h name the cases. One file, since each step changes the
// files and the record that the next step relies on, so their order must be seen.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/accounts.h"
#include "base/file_kind.h"
#include "base/thread_owner.h"
#include "log/log_errors.h"
#include "log/log_writer.h"
#include "log/segment_reader.h"

namespace slurper {

using namespace std::string_view_literals;

namespace {

using ActiveFile = RotationFacts::ActiveFile;

constexpr auto kLastOffset = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

Result<std::unique_ptr<LogWriter>> LogWriter::open(Os& os, const LogSettings& settings, const Uuid& boot,
                                                   const std::optional<RingWitness>& ring) {
  LogPaths paths(settings.path);
  LogIndex::Access access;
  access.mode = settings.mode;
  if (!settings.group.empty()) {
    const auto group = find_group(settings.group);
    if (!group) {
      return fail(ErrorKind::Config, about_file(PhraseId::WriteTheLog, settings.path),
                  {PhraseId::NoSuchGroup, {{"group", QuotedText{settings.group}}}},
                  PhraseId::CorrectLogGroup);
    }
    access.group = *group;
  }
  // Comes before anything is made: no index is left behind at a path that can't be a log's.
  struct stat st{};
  if (os.lstat(settings.path.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
    return fail(ErrorKind::CantCreate, about_file(PhraseId::WriteTheLog, settings.path),
                not_a_regular_file(settings.path, st.st_mode),
                S_ISLNK(st.st_mode) ? Phrase(PhraseId::LogIsNoLink, {{"end", end_of_links(settings.path)}})
                                    : Phrase(PhraseId::ReplaceFreeName));
  }
  Result<LogIndex> index = LogIndex::open(os, paths, access);
  if (!index) return std::unexpected(index.error());
  std::unique_ptr<LogWriter> writer(new LogWriter(os, settings, std::move(paths), std::move(*index)));
  writer->group_ = access.group;
  if (Status recovered = writer->recover(boot, ring); !recovered) return std::unexpected(recovered.error());
  return writer;
}

// The end of the last rotated segment in the row that begins at the index's base. If a rotation was cut short
// before the index was written, the active segment begins there.
Result<StreamOffset> LogWriter::end_of_rotated(StreamOffset limit) {
  const Result<std::vector<Segment>> segments = list_segments(os_, paths_);
  if (!segments) return std::unexpected(segments.error());
  StreamOffset end = record_.active_base;
  for (const Segment& segment : *segments) {
    if (segment.base < end) continue;
    if (segment.base > end && index_.record()) break;  // not of this chain; `slurper verify` shows it
    if (segment.base > limit) break;
    const Result<SegmentReader> reader = SegmentReader::open(os_, segment);
    if (!reader) return std::unexpected(reader.error());
    if (segment.base.value > kLastOffset - std::min(kLastOffset, reader->size()))
      break;  // no log is that long
    end = segment.base + record_.own_bytes(segment.base, reader->size());
  }
  return end;
}

// Gathers what classify_rotation() depends on, the costly facts last.
Result<LogWriter::RotationLook> LogWriter::look_at_rotation() {
  RotationLook look;
  look.facts.indexed = index_.record().has_value();
  look.facts.indexed_base = record_.active_base;
  const Result<std::optional<struct stat>> active = stat_active();
  if (!active) return std::unexpected(active.error());
  if (active->has_value()) {
    const struct stat& st = **active;
    look.facts.active = st.st_size > 0 ? ActiveFile::Written : ActiveFile::Empty;
    look.facts.active_is_indexed = st.st_ino == record_.active_inode;
    look.active_size = static_cast<std::uint64_t>(st.st_size);
  }
  if (!look.facts.indexed) return look;
  for (std::string path : {paths_.rotated(record_.active_base), paths_.compressed(record_.active_base)}) {
    struct stat st{};
    if (os_.lstat(path.c_str(), &st) >= 0 && S_ISREG(st.st_mode)) look.rotated.push_back(std::move(path));
  }
  look.facts.rotated_exists = !look.rotated.empty();
  if (is_claimed_twice(look.facts)) {
    if (look.facts.active_is_indexed) return look;
    for (const std::string& path : look.rotated) {
      const Result<bool> is_copy = active_is_copy_of(path);
      if (!is_copy) return std::unexpected(is_copy.error());
      if (!*is_copy) continue;
      look.facts.active_is_copy = true;
      look.rotated = {path};
      return look;
    }
  }
  const Result<StreamOffset> end = end_of_rotated({kLastOffset});
  if (!end) return std::unexpected(end.error());
  look.facts.rotated_end = *end;
  return look;
}

// Resolves whatever state the last process, or others, left the files in. Afterwards the active segment is
// open.
Status LogWriter::resolve_rotation(const std::optional<RingWitness>& ring) {
  // Each turn that does not return has renamed a file out of the way, so the next one finds another state.
  for (;;) {
    const Result<RotationLook> look = look_at_rotation();
    if (!look) return std::unexpected(look.error());
    switch (classify_rotation(look->facts)) {
      case RotationState::Unindexed:
        return open_without_index(ring, look->active_size);
      case RotationState::Settled:
        position_.begin_at(record_.active_base);
        return open_active();
      case RotationState::Renamed:
      case RotationState::Created:
      case RotationState::Overtaken:
        position_.begin_at(look->facts.rotated_end);
        findings_.emplace_back(PhraseId::RotationFinished);
        return open_active(EmptyFile::WithAccess);
      case RotationState::RotatedIsForeign:
        for (const std::string& rotated : look->rotated) {
          if (Status settled = quarantine_rival(rotated, rotated); !settled) return settled;
        }
        break;
      case RotationState::ActiveIsCopy:
        if (Status settled = quarantine_rival(paths_.active(), look->rotated.front()); !settled)
          return settled;
        break;
      case RotationState::Displaced:
        position_.begin_at(record_.active_base);
        if (Status found = find_moved_file(); !found) return found;
        return active_fd_ ? Status{} : open_active();
    }
  }
}

// Both the active segment and `rotated` claim to begin at the same offset: `loser`, one of the two, gives
// way.
Status LogWriter::quarantine_rival(const std::string& loser, const std::string& rotated) {
  const Result<std::string> aside = quarantine_file(loser);
  if (!aside) return std::unexpected(aside.error());
  findings_.push_back({PhraseId::BothClaimOffset,
                       {{"active", QuotedText{paths_.active()}},
                        {"rotated", QuotedText{rotated}},
                        {"offset", record_.active_base.value},
                        {"quarantined", QuotedText{*aside}}}});
  return {};
}

// The ring, or else the names of the segments, say where the active segment begins.
Status LogWriter::open_without_index(const std::optional<RingWitness>& ring, std::uint64_t active_size) {
  if (ring) {
    if (Status taken = take_identity_from(*ring, active_size); !taken) return taken;
  }
  const bool from_ring = ring && record_.log_id == ring->log_id;
  if (!from_ring) {
    const Result<StreamOffset> rotated_end = end_of_rotated({kLastOffset});
    if (!rotated_end) return std::unexpected(rotated_end.error());
    position_.begin_at(*rotated_end);
    if (rotated_end->value != 0)
      findings_.push_back({PhraseId::ContinuesByNames, {{"offset", rotated_end->value}}});
  }
  if (Status opened = open_active(EmptyFile::WithAccess); !opened) return opened;
  if (!from_ring && position_.size() > 0) {
    findings_.push_back({PhraseId::HeldForeignBytes, {{"size", position_.size()}}});
  }
  return {};
}

// What stands at the active segment's path; nothing if no file does.
Result<std::optional<struct stat>> LogWriter::stat_active() {
  struct stat st{};
  const int looked = os_.lstat(paths_.active().c_str(), &st);
  if (looked == -ENOENT) return std::nullopt;
  if (looked < 0) return cannot(-looked, PhraseId::OpenLog, paths_.active());
  return st;
}

// Whether the active segment holds what `rotated` begins with. If a slot of the index is damaged, that proves
// nothing: the record that is left may be older than a rotation, and lines may repeat.
Result<bool> LogWriter::active_is_copy_of(const std::string& rotated) {
  if (!index_.damage().empty()) return false;
  const UniqueFd active_fd(os_.open(paths_.active().c_str(), O_RDONLY | O_NOFOLLOW));
  const UniqueFd rotated_fd(os_.open(rotated.c_str(), O_RDONLY | O_NOFOLLOW));
  if (!active_fd || !rotated_fd) return false;
  std::array<char, 65536> bytes{};
  for (std::uint64_t at = 0;;) {
    const ssize_t got = os_.pread(active_fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (got < 0) return cannot(static_cast<int>(-got), PhraseId::ReadLog, paths_.active());
    if (got == 0) return true;
    const Result<bool> same =
        file_has(rotated_fd.get(), at, std::span<const char>(bytes.data(), static_cast<std::size_t>(got)));
    if (!same || !*same) return same;
    at += static_cast<std::uint64_t>(got);
  }
}

// If the active segment was renamed while slurper was down, as logrotate does: opens it as moved_fd_, and
// begins a new segment at its end.
Status LogWriter::find_moved_file() {
  std::error_code error;
  const std::filesystem::directory_iterator end;
  const std::string beside = "." + std::filesystem::path(paths_.active()).filename().string() + ".";
  for (std::filesystem::directory_iterator entry(paths_.directory(), error); !error && entry != end;
       entry.increment(error)) {
    struct stat st{};
    const std::string path = entry->path();
    if (os_.lstat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_ino != record_.active_inode)
      continue;
    // Files that slurper itself names this way are not the active segment. In a folder that was restored from
    // a backup, one of them may have got the segment's old inode number.
    const std::string name = entry->path().filename();
    if (paths_.is_quarantined(name) || name.starts_with(beside)) continue;
    moved_fd_.reset(os_.open(path.c_str(), O_RDONLY | O_NOFOLLOW));
    // No other call will sync it; a failure leaves it as it was.
    if (moved_fd_ && durable()) (void)os_.fdatasync(moved_fd_.get());
    moved_base_ = position_.base();
    position_.begin_at(position_.base() +
                       record_.own_bytes(position_.base(), static_cast<std::uint64_t>(st.st_size)));
    findings_.push_back(about_file(PhraseId::RenamedMeanwhile, entry->path().filename()));
    if (position_.base() > moved_base_)
      record_.add_note({NoteKind::Moved, moved_base_, position_.base() - moved_base_});
    return begin_segment();
  }
  return {};
}

// Without an index the ring says which log this is and how far it came, if the files end where the ring
// continues, or if there are none and the ring holds lines. A file that fits neither came from elsewhere.
Status LogWriter::take_identity_from(const RingWitness& ring, std::uint64_t active_size) {
  const Result<StreamOffset> rotated_end = end_of_rotated(ring.head);
  if (!rotated_end) return std::unexpected(rotated_end.error());
  const StreamOffset end = *rotated_end + active_size;
  const bool fits = end.value > 0 && end >= ring.tail && end <= ring.head;
  if (!fits && ring.head == ring.tail) return {};
  record_.log_id = ring.log_id;
  record_.session = ring.session;
  findings_.emplace_back(PhraseId::IdentityFromRing);
  if (fits) {
    position_.begin_at(*rotated_end);
    return {};
  }
  if (active_size > 0) {
    const Result<std::string> aside = quarantine_file();
    if (!aside) return std::unexpected(aside.error());
    findings_.push_back(about_file(PhraseId::MisfitQuarantined, *aside));
  }
  position_.begin_at(std::max(*rotated_end, ring.tail));
  if (rotated_end->value > 0 && position_.base() > *rotated_end)
    record_.add_note({NoteKind::Cut, *rotated_end, position_.base() - *rotated_end});
  return {};
}

Status LogWriter::recover(const Uuid& boot, const std::optional<RingWitness>& ring) {
  for (const Phrase& damage : index_.damage()) findings_.push_back(damage);
  const bool known = index_.record().has_value();
  if (const auto& found = index_.record()) {
    record_ = *found;
  } else {
    record_.log_id = new_uuid();
    record_.boot_id = boot;
  }
  synced_reserve_ = record_.reserved;
  if (Status resolved = resolve_rotation(ring); !resolved) return resolved;
  // A crash may have come between a file's creation and the sync of its name.
  folder_unsynced_ = true;
  // A ring of this boot shows that the log was opened in it: then an index that does not know is an old copy.
  restored_ = known && ring && ring->log_id == record_.log_id && record_.boot_id != boot;
  if (known && !restored_ && record_.boot_id != boot) {
    if (Status resumed = resume_after_reboot(); !resumed) return resumed;
  }
  record_.boot_id = boot;
  // If the segment was begun while the clock was ahead, its age counts from this start on, and not anew from
  // each one.
  record_.active_created =
      std::min<decltype(record_.active_created)>(record_.active_created, std::chrono::system_clock::now());
  if (Status written = write_index(); !written) return written;
  // The last process may not have synced what it wrote. A failure is tried again by the next sync().
  if (durable()) (void)sync();
  return {};
}

// The machine went down since the log was last written. How much of it was not synced, and is gone, is
// unknown.
Status LogWriter::resume_after_reboot() {
  const StreamOffset found = end();
  const AfterReboot state = classify_reboot({.base = position_.base(),
                                             .end = found,
                                             .reserved = record_.reserved,
                                             .at_line_start = at_line_start_});
  // The next append() tells another process's bytes from slurper's.
  if (state == AfterReboot::Appended) return set_own_size(record_.reserved - position_.base());
  if (!at_line_start_) {
    if (Status closed = close_torn_line(); !closed) return closed;
  }
  if (state == AfterReboot::Complete) return {};
  if (position_.size() > 0) {
    if (Status rotated = finish_rotation(); !rotated) return rotated;
  }
  const StreamOffset reserved = record_.reserved;
  findings_.push_back({PhraseId::MachineWentDown, {{"end", end().value}, {"offset", reserved.value}}});
  record_.add_note({NoteKind::PowerLoss, found, reserved - found});
  position_.rebase(reserved);
  return {};
}

Status LogWriter::close_torn_line() {
  const ssize_t written = os_.write(active_fd_.get(), "\n", 1);
  if (written != 1)
    return cannot(written < 0 ? static_cast<int>(-written) : ENOSPC, PhraseId::EndTornLine, paths_.active());
  position_.wrote(1);
  at_line_start_ = true;
  remember("\n"sv);
  ++record_.torn_lines_closed;
  findings_.emplace_back(PhraseId::TornLineEnded);
  return {};
}

Status LogWriter::reconcile(StreamOffset tail, std::span<const char> pending, std::uint64_t session) {
  const OneAtATime in(occupied_);
  SLURPER_ASSERT(readable_from() <= tail + pending.size());
  // No byte was ever written beyond what the index had reserved by then.
  restored_ =
      restored_ || session > record_.session + 1 || (record_.reserved.value != 0 && tail > record_.reserved);
  if (Status settled = go_on_at(tail, pending); !settled) return settled;
  moved_fd_.reset();
  record_.reserved = std::max(record_.reserved, end() + kReserve);
  record_.session = std::max(session, record_.session + 1);
  return write_index();
}

// Gathers what classify_end() depends on, the costly facts last.
Result<EndFacts> LogWriter::look_at_end(StreamOffset tail, std::span<const char> pending) {
  EndFacts facts{.base = position_.base(),
                 .end = end(),
                 .tail = tail,
                 .pending = pending.size(),
                 .restored = restored_,
                 .written_of_pending = 0,
                 .begins_pending = false};
  if (facts.end > tail) {
    const Result<std::size_t> ours = written_of(pending, tail);
    if (!ours) return std::unexpected(ours.error());
    facts.written_of_pending = *ours;
  }
  if (may_be_restarted(facts)) {
    const Result<bool> ours = file_has(active_fd_.get(), 0, pending.first(position_.size()));
    if (!ours) return std::unexpected(ours.error());
    facts.begins_pending = *ours;
  }
  return facts;
}

// The stream resumes at the ring's tail, behind those of the `pending` bytes that the last process wrote
// without noting it.
Status LogWriter::go_on_at(StreamOffset tail, std::span<const char> pending) {
  const Result<EndFacts> facts = look_at_end(tail, pending);
  if (!facts) return std::unexpected(facts.error());
  const StreamOffset own_end = tail + facts->written_of_pending;
  switch (classify_end(*facts)) {
    case LogEnd::Noted:
    case LogEnd::WrittenInPart:
      return {};
    case LogEnd::Polluted:
      if (Status known = set_own_size(own_end - position_.base()); !known) return known;
      return follow_file();
    case LogEnd::PollutedBefore:
      position_.rebase(own_end);  // the file that was moved away is out of the log, with all that it holds
      return {};
    case LogEnd::Restored:
      return resume_behind_backup(tail);
    case LogEnd::Restarted:
      record_.add_note({NoteKind::Cut, position_.base(), tail - position_.base()});
      findings_.push_back({PhraseId::CutAndContinued, {{"offset", tail.value}}});
      position_.rebase(tail);
      return {};
    case LogEnd::CutToNothing:
      note_cut(tail);
      position_.rebase(tail);
      return {};
    case LogEnd::CutToAPart:
      return leave_cut_file(tail);
  }
  std::unreachable();
}

void LogWriter::note_cut(StreamOffset tail) {
  record_.add_note({NoteKind::Cut, position_.base(), tail - position_.base()});
  findings_.push_back({PhraseId::LogWasCut, {{"end", end().value}, {"offset", tail.value}}});
}

// What the file still holds is not what belongs behind `tail`.
Status LogWriter::leave_cut_file(StreamOffset tail) {
  note_cut(tail);
  const Result<std::string> aside = quarantine_file();
  if (!aside) return std::unexpected(aside.error());
  findings_.push_back(about_file(PhraseId::RestIsQuarantined, *aside));
  position_.begin_at(tail);
  return begin_segment();
}

// The log is an old copy: all that it has is the stream's, and what came later is missing.
Status LogWriter::resume_behind_backup(StreamOffset tail) {
  const StreamOffset found = end();
  if (position_.size() > 0) {
    if (Status ended = finish_rotation(); !ended) return ended;
  }
  record_.add_note({NoteKind::Cut, found, tail - found});
  findings_.push_back({PhraseId::OldCopyContinued, {{"end", found.value}, {"offset", tail.value}}});
  position_.rebase(tail);
  return {};
}

// How many bytes of `pending` stand in the log at `from`. Behind them may be another process's bytes, which
// may begin as slurper's do: so unless all bytes there are slurper's, only whole lines count.
Result<std::size_t> LogWriter::written_of(std::span<const char> pending, StreamOffset from) {
  const bool moved = from < position_.base();
  const int fd = moved ? moved_fd_.get() : active_fd_.get();
  const std::uint64_t found = (moved ? position_.base() : end()) - from;
  if (fd < 0 || (moved && from < moved_base_)) return std::min<std::uint64_t>(found, pending.size());
  const std::uint64_t position = from - (moved ? moved_base_ : position_.base());
  std::size_t same = 0;
  std::array<char, 16384> buffer{};
  while (same < pending.size() && same < found) {
    const ssize_t got =
        os_.pread(fd, buffer.data(), std::min({buffer.size(), pending.size() - same, found - same}),
                  static_cast<off_t>(position + same));
    if (got < 0) return cannot(static_cast<int>(-got), PhraseId::ReadLog, paths_.active());
    if (got == 0) break;
    const std::span<const char> read(buffer.data(), static_cast<std::size_t>(got));
    const auto differ = std::ranges::mismatch(read, pending.subspan(same)).in1;
    same += static_cast<std::size_t>(differ - read.begin());
    if (differ != read.end()) break;
  }
  if (same == found) return same;
  const void* const newline = same == 0 ? nullptr : ::memrchr(pending.data(), '\n', same);
  return newline == nullptr
             ? 0
             : static_cast<std::size_t>(static_cast<const char*>(newline) - pending.data()) + 1;
}

}  // namespace slurper
