// LogWriter beside other processes, which may move, remove, cut or write to its file while slurper runs.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/quarantine_file.h"
#include "log/log_errors.h"
#include "log/log_writer.h"

namespace slurper {

namespace {

using std::chrono::steady_clock;

constexpr auto kBetweenLooks = std::chrono::seconds(1);

}  // namespace

// What others have done to the open file, of which `st` is new.
Result<FileChange> LogWriter::change_of(const struct stat& st) {
  FileFacts facts{.has_name = st.st_nlink > 0,
                  .written = position_.size(),
                  .found = static_cast<std::uint64_t>(st.st_size)};
  if (needs_bytes(facts)) {
    const Result<bool> ours = file_has(active_fd_.get(), position_.size() - last_bytes_.size(), last_bytes_);
    if (!ours) return std::unexpected(ours.error());
    facts.ends_alike = *ours;
  }
  return classify_change(facts);
}

// Each append() calls it once: it sees all that the open file shows.
Status LogWriter::follow_file() {
  struct stat st{};
  if (const int error = os_.fstat(active_fd_.get(), &st); error < 0)
    return cannot(-error, PhraseId::LookAtLog, paths_.active());
  const Result<FileChange> change = change_of(st);
  if (!change) return std::unexpected(change.error());
  switch (*change) {
    case FileChange::Appended:
      return end_polluted(static_cast<std::uint64_t>(st.st_size) - position_.size());
    case FileChange::Emptied:
      return follow_truncation();
    case FileChange::Altered:
      return quarantine();
    case FileChange::Unlinked:
      break;
    case FileChange::None:
      if (steady_clock::now() < next_look_) return {};
      break;
  }
  const Result<bool> moved =
      follow_path(*change == FileChange::Unlinked ? Patience::None : Patience::OneLook);
  if (!moved) return std::unexpected(moved.error());
  return {};
}

// Goes on in a new file if the path shows another file, or none. Returns whether it did. With patience, a
// file that is missing gets until the next look: logrotate makes a new one right after it has renamed the old
// one, and fails if slurper was faster.
Result<bool> LogWriter::follow_path(Patience patience) {
  next_look_ = steady_clock::now() + kBetweenLooks;
  struct stat named{};
  const int looked = os_.lstat(paths_.active().c_str(), &named);
  if (looked < 0 && looked != -ENOENT) {
    if (patience == Patience::OneLook) return false;  // the open file can still be written to
    return cannot(-looked, PhraseId::LookAtLog, paths_.active());
  }
  const bool index_is_gone = index_.is_gone();
  const bool is_there = looked == 0 && named.st_ino == record_.active_inode && named.st_dev == active_device_;
  // Comes before the file is left: if the folder is gone or another log's, slurper's own may come back.
  if (index_is_gone) {
    if (Status renewed = follow_identity(); !renewed) {
      next_look_ = {};  // no byte is written before that is resolved
      return std::unexpected(renewed.error());
    }
  }
  if (is_there) {
    path_was_missing_ = false;
    return false;
  }
  // logrotate leaves the index alone: if that is gone, too, the whole folder is.
  if (looked < 0 && patience == Patience::OneLook && !index_is_gone &&
      !std::exchange(path_was_missing_, true))
    return false;

  struct stat ours{};
  const bool removed = os_.fstat(active_fd_.get(), &ours) == 0 && ours.st_nlink == 0;
  if (!removed && durable()) {
    if (Status synced = sync(); !synced) return std::unexpected(synced.error());
  }
  leave_file(removed ? NoteKind::Cut : NoteKind::Moved);
  findings_.push_back(
      {removed ? PhraseId::FileRemoved : PhraseId::FileMoved, {{"offset", position_.base().value}}});
  if (Status begun = begin_segment(); !begun) return std::unexpected(begun.error());
  return true;
}

// The stream resumes at end(), in another file. What this file held is no longer in the log.
void LogWriter::leave_file(NoteKind why) {
  if (position_.size() > 0) record_.add_note({why, position_.base(), position_.size()});
  position_.begin_at(end());
  feed_.leave();
  active_fd_.reset();
  index_stale_ = true;
}

// logrotate's copytruncate: the stream continues in the same file, from its beginning. prepare() writes the
// index before the next byte.
Status LogWriter::follow_truncation() {
  feed_.cut();
  record_.add_note({NoteKind::Cut, position_.base(), position_.size()});
  position_.begin_at(end());
  index_stale_ = true;
  findings_.push_back({PhraseId::FileEmptied, {{"offset", position_.base().value}}});
  return {};
}

void LogWriter::remember(std::span<const char> written) {
  if (position_.size() == written.size()) last_bytes_.clear();  // the first bytes of a segment
  const std::span<const char> last = written.last(std::min(written.size(), kLastBytes));
  last_bytes_.append(last.data(), last.size());  // by iterators it would go through a string of its own
  if (last_bytes_.size() > kLastBytes) last_bytes_.erase(0, last_bytes_.size() - kLastBytes);
}

// Another process's bytes are behind slurper's. They stay there, and the segment ends before them. The index
// notes that first, since after a crash the file's size would give a wrong base for the next segment.
Status LogWriter::end_polluted(std::uint64_t foreign) {
  const Result<bool> moved = follow_path(Patience::None);
  if (!moved) return std::unexpected(moved.error());
  if (*moved) return {};
  if (durable()) {
    if (Status synced = sync(); !synced) return synced;
  }
  record_.add_note({NoteKind::Foreign, end(), foreign});
  if (Status noted = write_index(); !noted) return noted;
  const std::string rotated = paths_.rotated(position_.base());
  if (const int error = os_.rename_noreplace(paths_.active().c_str(), rotated.c_str()); error < 0)
    return cannot(-error, PhraseId::EndSharedSegment, paths_.active());
  findings_.push_back(
      about_file(PhraseId::FileShared, rotated).with({"size", foreign}).with({"offset", end().value}));
  if (Status settled = settle_rotated(rotated); !settled) return settled;
  return begin_segment();
}

// The file does not hold what slurper wrote, or holds another process's bytes alone.
Status LogWriter::quarantine() {
  const Result<bool> moved = follow_path(Patience::None);
  if (!moved) return std::unexpected(moved.error());
  if (*moved) return {};
  feed_.cut();
  const Result<std::string> aside = quarantine_file();
  if (!aside) return std::unexpected(aside.error());
  findings_.push_back(about_file(PhraseId::FileAltered, *aside).with({"offset", end().value}));
  leave_file(NoteKind::Cut);
  return begin_segment();
}

// The file that was renamed to `rotated` may be another one by now, or hold other bytes than when slurper
// last looked at it. The segment's name must not lie, since readers take its bytes for the stream's. If
// stat(2) fails, the file stays as it is.
Status LogWriter::settle_rotated(const std::string& rotated) {
  struct stat named{};
  struct stat ours{};
  if (os_.lstat(rotated.c_str(), &named) < 0 || os_.fstat(active_fd_.get(), &ours) < 0) return {};
  const bool is_ours = named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
  if (is_ours) {
    const Result<FileChange> change = change_of(ours);
    if (!change) return std::unexpected(change.error());
    switch (*change) {
      case FileChange::None:
      case FileChange::Unlinked:  // since lstat(2) saw its name: nothing is left that could lie
        return {};
      case FileChange::Appended:
        record_.add_note(
            {NoteKind::Foreign, end(), static_cast<std::uint64_t>(ours.st_size) - position_.size()});
        return {};
      case FileChange::Emptied:
      case FileChange::Altered:
        break;
    }
    feed_.cut();
  }
  const Result<std::string> aside = quarantine_file(rotated);
  if (!aside) return std::unexpected(aside.error());
  findings_.push_back(about_file(PhraseId::AlteredInRotation, *aside));
  leave_file(is_ours || ours.st_nlink == 0 ? NoteKind::Cut : NoteKind::Moved);
  return {};
}

// Gives the file at `path` a name that is not the log's.
Result<std::string> LogWriter::quarantine_file(const std::string& path) {
  const auto quarantined = slurper::quarantine_file(os_, path, [&](int n) { return paths_.quarantined(n); });
  if (!quarantined) return cannot(quarantined.error(), PhraseId::QuarantineInLog, paths_.active());
  return *quarantined;
}

// Whether the bytes of the write(2) that has just returned are where they belong: behind the first
// position_.size() bytes of the file or, after follow_truncation(), at its beginning. If not, they are not in
// the log, and are written again.
Result<bool> LogWriter::has_landed(std::span<const char> written) {
  struct stat st{};
  if (os_.fstat(active_fd_.get(), &st) < 0) return true;  // write(2) itself has succeeded
  if (st.st_nlink == 0) return false;
  const auto found = static_cast<std::uint64_t>(st.st_size);
  if (found == position_.size() + written.size()) return true;
  if (found > position_.size() + written.size()) return file_has(active_fd_.get(), position_.size(), written);
  feed_.cut();  // the file is shorter than it was
  if (found != written.size()) return false;
  const Result<bool> alone = file_has(active_fd_.get(), 0, written);
  if (!alone || !*alone) return alone;
  if (Status followed = follow_truncation(); !followed) return std::unexpected(followed.error());
  if (Status noted = write_index(); !noted) return std::unexpected(noted.error());
  return true;
}

}  // namespace slurper
