#include "log/log_writer.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/thread_owner.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr auto kRotationRetry = std::chrono::seconds(1);
constexpr int kAttempts = 5;

// The position after the last newline of `data`; 0 if there is none.
std::size_t after_last_newline(std::span<const char> data) {
  const void* found = data.empty() ? nullptr : ::memrchr(data.data(), '\n', data.size());
  return found == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(found) - data.data()) + 1;
}

// The position after the first newline of `data`; its size if there is none.
std::size_t after_first_newline(std::span<const char> data) {
  const void* found = data.empty() ? nullptr : std::memchr(data.data(), '\n', data.size());
  return found == nullptr ? data.size()
                          : static_cast<std::size_t>(static_cast<const char*>(found) - data.data()) + 1;
}

}  // namespace

LogWriter::LogWriter(Os& os, const LogSettings& settings, LogPaths paths, LogIndex index)
    : os_(os), settings_(settings), paths_(std::move(paths)), index_(std::move(index)) {
  last_bytes_.reserve(2 * kLastBytes);
}

Status LogWriter::set_access(int fd) {
  // open(2) removed the bits of the process's umask from the mode.
  if (const int error = os_.fchmod(fd, settings_.mode); error < 0)
    return cannot(-error, PhraseId::SetModeOfLog, paths_.active());
  if (group_ != static_cast<gid_t>(-1)) {
    if (const int error = os_.fchown(fd, static_cast<uid_t>(-1), group_); error < 0) {
      return cannot(-error, PhraseId::SetGroupOfLog, paths_.active());
    }
  }
  return {};
}

// Opens or makes the file at the active segment's path, which begins at position_.base(), and reads its size
// and last bytes.
Status LogWriter::open_active(EmptyFile empty) {
  const std::string& path = paths_.active();
  // Opens it for reading, too: the last byte shows whether a line is unfinished.
  int fd = os_.open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW);
  if (fd == -ENOENT) {
    fd = os_.open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_CREAT | O_EXCL, settings_.mode);
    if (fd < 0) return cannot(-fd, PhraseId::CreateLog, path);
    if (Status set = set_access(fd); !set) {
      UniqueFd closed(fd);
      return set;
    }
    record_.active_created = system_clock::now();
    folder_unsynced_ = true;  // the file's name must be synced before the first line counts as synced
  }
  if (fd < 0) return cannot(-fd, PhraseId::OpenLog, path);
  UniqueFd file_fd(fd);
  struct stat st{};
  if (const int error = os_.fstat(fd, &st); error < 0) return cannot(-error, PhraseId::OpenLog, path);
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::CantCreate, about_file(PhraseId::WriteTheLog, path),
                not_a_regular_file(path, st.st_mode));
  if (empty == EmptyFile::WithAccess && st.st_size == 0 && st.st_nlink == 1 && st.st_uid == ::geteuid()) {
    if (Status set = set_access(fd); !set) return set;
  }
  record_.active_inode = st.st_ino;
  active_device_ = st.st_dev;
  active_fd_ = std::move(file_fd);
  if (Status known =
          set_own_size(record_.own_bytes(position_.base(), static_cast<std::uint64_t>(st.st_size)));
      !known) {
    active_fd_.reset();
    return known;
  }
  path_was_missing_ = false;
  return {};
}

// The first `size` bytes of the active segment's file are the stream's.
Status LogWriter::set_own_size(std::uint64_t size) {
  std::string last(std::min<std::uint64_t>(size, kLastBytes), '\0');
  const ssize_t got =
      os_.pread(active_fd_.get(), last.data(), last.size(), static_cast<off_t>(size - last.size()));
  if (got < 0) return cannot(static_cast<int>(-got), PhraseId::ReadLog, paths_.active());
  if (static_cast<std::size_t>(got) != last.size())
    return fail(ErrorKind::Io, about_file(PhraseId::ReadLog, paths_.active()), PhraseId::ActiveCutShort,
                PhraseId::SlurperTriesAgain);
  position_.resize(size);
  at_line_start_ = last.empty() || last.back() == '\n';
  last_bytes_ = std::move(last);
  return {};
}

// Whether the file holds `bytes` at `at`; false if it ends before.
Result<bool> LogWriter::file_has(int fd, std::uint64_t at, std::span<const char> bytes) {
  std::array<char, 16384> buffer{};
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), buffer.size());
    const ssize_t got = os_.pread(fd, buffer.data(), wanted, static_cast<off_t>(at));
    if (got < 0) return cannot(static_cast<int>(-got), PhraseId::ReadLog, paths_.active());
    if (got == 0 || std::memcmp(buffer.data(), bytes.data(), static_cast<std::size_t>(got)) != 0)
      return false;
    at += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

Status LogWriter::write_index() {
  record_.active_base = position_.base();
  if (index_.record() == record_) {
    index_stale_ = false;
    return {};
  }
  index_stale_ = true;
  const bool synced = durable() || record_.reserved != synced_reserve_;
  // If the index survives a loss of power, the name that it relies on must survive, too.
  if (synced && folder_unsynced_) {
    if (Status folder = sync_folder(); !folder) return folder;
  }
  if (Status written =
          index_.write(record_, synced ? LogIndex::Durability::Synced : LogIndex::Durability::Cached);
      !written) {
    return written;
  }
  if (const auto& now = index_.record()) record_ = *now;  // with its sequence number
  synced_reserve_ = record_.reserved;
  index_stale_ = false;
  return {};
}

// Notes in the index on the disk, before a byte is written at an offset, that one may be there. So no offset
// is assigned a second time after a loss of power.
Status LogWriter::reserve(std::uint64_t bytes) {
  if (end() + bytes <= record_.reserved) return {};
  record_.reserved = end() + bytes + kReserve;
  return write_index();
}

// Resolves what failed before, and what other processes did to the log. Afterwards the next byte can go to
// the active segment.
Status LogWriter::prepare() {
  if (!active_fd_) return begin_segment();
  if (Status followed = follow_file(); !followed) return followed;
  return index_stale_ ? write_index() : Status{};
}

bool LogWriter::rotation_wanted(std::size_t incoming) {
  if (position_.size() == 0 || !at_line_start_) return false;
  if (rotate_requested_) return true;
  const std::uint64_t limit = settings_.rotate_size.bytes;
  if (limit != 0 && incoming > 0 && position_.size() + incoming > limit) return true;
  const auto due = rotation_due();
  return due && system_clock::now() >= *due;
}

// Returns how many bytes of `data` belong into the active segment: whole lines up to the limit, but always
// the rest of a line that was begun.
std::size_t LogWriter::fitting(std::span<const char> data) const {
  const bool must_end =
      rotate_requested_ && position_.size() > 0;  // amid a line: otherwise it would have been rotated
  const std::uint64_t limit = settings_.rotate_size.bytes;
  if (must_end) return after_first_newline(data);
  if (limit == 0 || position_.size() + data.size() <= limit) return data.size();
  const std::uint64_t room = limit > position_.size() ? limit - position_.size() : 0;
  const std::size_t whole_lines = after_last_newline(data.first(room));
  if (whole_lines > 0) return whole_lines;
  return after_first_newline(data);  // a line longer than the limit, or the rest of one
}

Result<std::size_t> LogWriter::append(std::span<const char> data) {
  const OneAtATime in(occupied_);
  SLURPER_ASSERT(!data.empty());
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (Status ready = prepare(); !ready) return std::unexpected(ready.error());
    // If the next line no longer fits, the segment ends.
    const std::uint64_t limit = settings_.rotate_size.bytes;
    const std::size_t next_line =
        limit != 0 && position_.size() + data.size() > limit ? after_first_newline(data) : 0;
    if (rotation_wanted(next_line) && steady_clock::now() >= next_rotation_attempt_) {
      if (Status rotated = finish_rotation(); !rotated) {
        if (!active_fd_ || index_stale_) return std::unexpected(rotated.error());
        // A log that grows beyond its limit is better than one that stops.
        next_rotation_attempt_ = steady_clock::now() + kRotationRetry;
        rotation_failure_ = rotated.error();
      }
    }
    if (position_.size() == 0 && settings_.rotate_every.count() > 0) {
      // A segment's age counts from its first line. This is not worth a sync: at worst the segment is rotated
      // early.
      record_.active_created = system_clock::now();
    }
    const std::size_t wanted = fitting(data);
    if (Status reserved = reserve(wanted); !reserved) return std::unexpected(reserved.error());
    feed_.set_in_flight(wanted);
    const ssize_t written = os_.write(active_fd_.get(), data.data(), wanted);
    const auto count = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    const Result<bool> landed = count > 0 ? has_landed(data.first(count)) : false;
    feed_.set_in_flight(0);
    if (written <= 0)
      return cannot(written < 0 ? static_cast<int>(-written) : EIO, PhraseId::WriteToLog, paths_.active());
    if (!landed) return std::unexpected(landed.error());
    if (!*landed) continue;
    position_.wrote(count);
    at_line_start_ = data[count - 1] == '\n';
    remember(data.first(count));
    return count;
  }
  return fail(ErrorKind::Io, about_file(PhraseId::WriteToLog, paths_.active()), PhraseId::LogNeverStill);
}

Status LogWriter::sync() {
  if (position_.synced() == end() || !active_fd_) return {};
  const StreamOffset written = end();
  if (const int error = os_.fdatasync(active_fd_.get()); error < 0)
    return cannot(-error, PhraseId::SyncLog, paths_.active());
  if (folder_unsynced_) {
    if (Status folder = sync_folder(); !folder) return folder;
  }
  position_.synced_up_to(written);
  return {};
}

Status LogWriter::sync_folder() {
  if (const int error = sync_directory(os_, paths_.directory().c_str()); error < 0)
    return cannot(-error, PhraseId::SyncFolderOfLog, paths_.active());
  folder_unsynced_ = false;
  return {};
}

Status LogWriter::close() {
  const OneAtATime in(occupied_);
  // The index must also note what other processes did to the file after the last byte. If this fails, the
  // next start does it.
  if (active_fd_ && follow_file()) (void)follow_path(Patience::None);
  if (durable()) {
    if (Status synced = sync(); !synced) return synced;
  }
  record_.reserved = end();
  // With `sync = "none"` the index may survive a loss of power without the data, or the data without the
  // index. The next start notices both.
  synced_reserve_ = record_.reserved;
  return write_index();
}

std::optional<system_clock::time_point> LogWriter::rotation_due() {
  if (settings_.rotate_every.count() == 0 || position_.size() == 0 || rotate_requested_) return std::nullopt;
  // The clock was ahead when the segment began, and has been corrected since: the segment's age is unknown,
  // and counts from now.
  const auto now = system_clock::now();
  if (record_.active_created > now) record_.active_created = now;
  return std::chrono::time_point_cast<system_clock::duration>(record_.active_created) +
         settings_.rotate_every;
}

Status LogWriter::rotate() {
  const OneAtATime in(occupied_);
  if (Status ready = prepare(); !ready) return ready;
  if (position_.size() == 0) return {};
  rotate_requested_ = true;
  return at_line_start_ ? finish_rotation() : Status{};
}

// From Settled over Renamed and Created to Settled (rotation_state.h). A failure leaves the files in the
// state that was reached.
Status LogWriter::finish_rotation() {
  const Result<bool> moved = follow_path(Patience::None);
  if (!moved) return std::unexpected(moved.error());
  if (*moved) return {};  // another process has moved it: that serves as the rotation
  if (durable()) {
    if (Status synced = sync(); !synced) return synced;
  }
  const std::string rotated = paths_.rotated(position_.base());
  if (const int error = os_.rename_noreplace(paths_.active().c_str(), rotated.c_str()); error < 0) {
    return fail_errno(
        -error, about_file(PhraseId::RotateLog, paths_.active()).with({"rotated", QuotedText{rotated}}));
  }
  if (Status settled = settle_rotated(rotated); !settled) return settled;
  const Status begun = begin_segment();
  if (begun) rotated_to_ = rotated;
  return begun;
}

// Makes the next segment, which begins at end(). The last one has left its path, or never existed.
Status LogWriter::begin_segment() {
  rotated_to_.clear();
  position_.begin_at(end());
  at_line_start_ = true;
  feed_.leave();
  active_fd_.reset();
  folder_unsynced_ = true;
  index_stale_ = true;
  if (index_.is_gone()) {
    record_.active_inode = 0;  // in another folder, any file may have this inode number
    if (Status renewed = follow_identity(); !renewed) return renewed;
  }
  for (int attempt = 1;; ++attempt) {
    if (Status opened = open_active(); !opened) return opened;
    if (position_.size() == 0) break;
    // Another process has put a file there. Its bytes do not belong to the stream.
    active_fd_.reset();
    position_.resize(0);
    at_line_start_ = true;
    if (attempt == kAttempts) return cannot(EEXIST, PhraseId::CreateLog, paths_.active());
    const Result<std::string> aside = quarantine_file();
    if (!aside) return std::unexpected(aside.error());
    findings_.push_back(about_file(PhraseId::ForeignFileThere, *aside));
  }
  rotate_requested_ = false;
  ++rotations_;
  return write_index();
}

Result<bool> LogWriter::reopen() {
  const OneAtATime in(occupied_);
  if (!active_fd_) {
    if (Status begun = begin_segment(); !begun) return std::unexpected(begun.error());
    return true;
  }
  return follow_path(Patience::None);
}

void LogWriter::publish() {
  if (active_fd_) feed_.publish({position_.base(), active_device_, record_.active_inode}, end());
}

void LogWriter::set_limits(const LogSettings& settings) {
  settings_.sync = settings.sync;
  settings_.rotate_size = settings.rotate_size;
  settings_.rotate_every = settings.rotate_every;
}

}  // namespace slurper
