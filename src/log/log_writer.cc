#include "log/log_writer.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/accounts.h"
#include "base/error.h"
#include "base/text.h"
#include "log/segment_reader.h"

namespace slurper {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr auto kRotationRetry = std::chrono::seconds(1);

std::string quoted(const std::string& path) {
  return "'" + printable(path) + "'";
}

std::unexpected<Error> cannot(int errnum, const char* verb, const std::string& path) {
  Error error = fail_errno(errnum, fmt::format("{} the log {}", verb, quoted(path))).error();
  if (errnum == ENOENT) error.kind = ErrorKind::CantCreate;
  if (errnum == ENOSPC || errnum == EDQUOT) error.advice = "Make room on its file system";
  return std::unexpected(std::move(error));
}

// Position after the last newline of `data`, 0 where there is none.
std::size_t after_last_newline(std::span<const char> data) {
  const void* found = data.empty() ? nullptr : ::memrchr(data.data(), '\n', data.size());
  return found == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(found) - data.data()) + 1;
}

// Position after the first newline of `data`; all of it where there is none.
std::size_t after_first_newline(std::span<const char> data) {
  const void* found = data.empty() ? nullptr : std::memchr(data.data(), '\n', data.size());
  return found == nullptr ? data.size()
                          : static_cast<std::size_t>(static_cast<const char*>(found) - data.data()) + 1;
}

}  // namespace

LogWriter::LogWriter(Os& os, const LogSettings& settings, LogPaths paths, LogIndex index)
    : os_(os), settings_(settings), paths_(std::move(paths)), index_(std::move(index)) {}

Result<std::unique_ptr<LogWriter>> LogWriter::open(Os& os, const LogSettings& settings, const Uuid& boot) {
  LogPaths paths(settings.path);
  LogIndex::Access access;
  access.mode = settings.mode;
  if (!settings.group.empty()) {
    const auto group = find_group(settings.group);
    if (!group) {
      return fail(ErrorKind::Config, "write the log " + quoted(settings.path),
                  "there is no group '" + printable(settings.group) + "'", "Correct log.group");
    }
    access.group = *group;
  }
  // Before anything is made: a path that can't be a log must not leave an index behind.
  struct stat st{};
  if (os.lstat(settings.path.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
    return fail(ErrorKind::CantCreate, "write the log " + quoted(settings.path), "it is not a regular file",
                "Nothing was changed. Set log.path to a file, or to a name that is free");
  }
  Result<LogIndex> index = LogIndex::open(os, paths, access);
  if (!index) return std::unexpected(index.error());
  std::unique_ptr<LogWriter> writer(new LogWriter(os, settings, std::move(paths), std::move(*index)));
  writer->group_ = access.group;
  if (Status recovered = writer->recover(boot); !recovered) return std::unexpected(recovered.error());
  return writer;
}

// The end of the last rotated segment from the index's base on: where a rotation was cut short before the
// index was written, the active segment begins there.
Result<StreamOffset> LogWriter::end_of_rotated() {
  const Result<std::vector<Segment>> segments = list_segments(os_, paths_);
  if (!segments) return std::unexpected(segments.error());
  StreamOffset end = record_.active_base;
  for (const Segment& segment : *segments) {
    if (segment.base < end) continue;
    if (segment.base > end && index_.record()) break;  // not of this chain; `slurper verify` shows it
    const Result<SegmentReader> reader = SegmentReader::open(os_, segment);
    if (!reader) return std::unexpected(reader.error());
    end = segment.base + reader->size();
  }
  return end;
}

Status LogWriter::recover(const Uuid& boot) {
  for (const std::string& damage : index_.damage()) findings_.push_back(damage);
  const bool known = index_.record().has_value();
  if (const auto& found = index_.record()) {
    record_ = *found;
  } else {
    record_.log_id = new_uuid();
    record_.boot_id = boot;
  }
  const Result<StreamOffset> rotated_end = end_of_rotated();
  if (!rotated_end) return std::unexpected(rotated_end.error());
  base_ = *rotated_end;
  if (base_ != record_.active_base) {
    findings_.push_back(
        known ? "a rotation was cut short, and has been finished"
              : fmt::format("its index was missing; from its segments' names it goes on at offset {}",
                            base_.value));
  }

  struct stat st{};
  const int looked = os_.lstat(paths_.active().c_str(), &st);
  if (looked < 0 && looked != -ENOENT) return cannot(-looked, "open", paths_.active());
  const bool moved =
      known && base_ == record_.active_base && (looked < 0 || st.st_ino != record_.active_inode);
  if (moved) {
    // Somebody renamed the active segment while slurper was down, as logrotate does: the stream goes on after
    // its end.
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(paths_.directory(), error)) {
      struct stat other{};
      if (os_.lstat(entry.path().c_str(), &other) != 0 || !S_ISREG(other.st_mode) ||
          other.st_ino != record_.active_inode)
        continue;
      base_ += static_cast<std::uint64_t>(other.st_size);
      findings_.push_back(fmt::format(
          "it had been renamed to {} while slurper was not running; the stream goes on in a new file",
          quoted(entry.path().filename())));
      break;
    }
  }
  if (Status opened = open_active(); !opened) return opened;
  if (!known && size_ > 0) {
    findings_.push_back(
        fmt::format("it held {} bytes that slurper had not written; they are its beginning now", size_));
  }
  if (known && record_.boot_id != boot && !at_line_start_) {
    if (Status closed = close_torn_line(); !closed) return closed;
  }
  record_.boot_id = boot;
  synced_ = end();
  return write_index();
}

Status LogWriter::set_access(int fd) {
  // open(2) took the process's umask off the mode.
  if (const int error = os_.fchmod(fd, settings_.mode); error < 0)
    return cannot(-error, "set the mode of", paths_.active());
  if (group_ != static_cast<gid_t>(-1)) {
    if (const int error = os_.fchown(fd, static_cast<uid_t>(-1), group_); error < 0) {
      return cannot(-error, "set the group of", paths_.active());
    }
  }
  return {};
}

// Opens or makes the file at the active segment's path and learns its size and last byte. `base_` is its
// base.
Status LogWriter::open_active() {
  const std::string& path = paths_.active();
  // Read, too: the last byte says whether a line is unfinished.
  int fd = os_.open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW);
  if (fd == -ENOENT) {
    fd = os_.open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_CREAT | O_EXCL, settings_.mode);
    if (fd < 0) return cannot(-fd, "create", path);
    if (Status set = set_access(fd); !set) {
      UniqueFd closed(fd);
      return set;
    }
    record_.active_created = system_clock::now();
    if (durable())
      (void)sync_directory(os_, paths_.directory().c_str());  // a lost name is found again: see recover()
  }
  if (fd < 0) return cannot(-fd, "open", path);
  UniqueFd file_fd(fd);
  struct stat st{};
  if (const int error = os_.fstat(fd, &st); error < 0) return cannot(-error, "open", path);
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::CantCreate, "write the log " + quoted(path), "it is not a regular file");
  size_ = static_cast<std::uint64_t>(st.st_size);
  at_line_start_ = true;
  if (size_ > 0) {
    char last = 0;
    const ssize_t got = os_.pread(fd, &last, 1, st.st_size - 1);
    if (got < 0) return cannot(static_cast<int>(-got), "read", path);
    at_line_start_ = last == '\n';
  }
  record_.active_inode = st.st_ino;
  active_fd_ = std::move(file_fd);
  return {};
}

Status LogWriter::close_torn_line() {
  const ssize_t written = os_.write(active_fd_.get(), "\n", 1);
  if (written != 1)
    return cannot(written < 0 ? static_cast<int>(-written) : ENOSPC, "end the torn last line of",
                  paths_.active());
  size_ += 1;
  at_line_start_ = true;
  ++record_.torn_lines_closed;
  findings_.push_back(
      "its last line was cut short when the machine went down; it has been ended with a newline");
  return {};
}

Status LogWriter::write_index() {
  record_.active_base = base_;
  if (index_.record() == record_) return {};
  if (Status written =
          index_.write(record_, durable() ? LogIndex::Durability::Synced : LogIndex::Durability::Cached);
      !written) {
    return written;
  }
  if (const auto& now = index_.record()) record_ = *now;  // with its sequence number
  return {};
}

bool LogWriter::rotation_wanted(std::size_t incoming) const {
  if (size_ == 0 || !at_line_start_) return false;
  if (rotate_requested_) return true;
  const std::uint64_t limit = settings_.rotate_size.bytes;
  if (limit != 0 && incoming > 0 && size_ + incoming > limit) return true;
  const auto due = rotation_due();
  return due && system_clock::now() >= *due;
}

// How much of `data` belongs into the active segment: whole lines up to the limit, but always the rest of a
// line that was begun.
std::size_t LogWriter::fitting(std::span<const char> data) const {
  const bool must_end = rotate_requested_ && size_ > 0;  // in mid-line, or it would have been rotated
  const std::uint64_t limit = settings_.rotate_size.bytes;
  if (must_end) return after_first_newline(data);
  if (limit == 0 || size_ + data.size() <= limit) return data.size();
  const std::uint64_t room = limit > size_ ? limit - size_ : 0;
  const std::size_t whole_lines = after_last_newline(data.first(room));
  if (whole_lines > 0) return whole_lines;
  return after_first_newline(data);  // a line longer than the limit, or the rest of one
}

Result<std::size_t> LogWriter::append(std::span<const char> data) {
  if (!active_fd_) {
    if (Status begun = begin_segment(); !begun) return std::unexpected(begun.error());
  }
  // Where the next line does not fit any more, the segment ends.
  const std::uint64_t limit = settings_.rotate_size.bytes;
  const std::size_t next_line = limit != 0 && size_ + data.size() > limit ? after_first_newline(data) : 0;
  if (rotation_wanted(next_line) && steady_clock::now() >= next_rotation_attempt_) {
    if (Status rotated = finish_rotation(); !rotated) {
      if (!active_fd_) return std::unexpected(rotated.error());
      // A log that grows beyond its limit is better than one that stops.
      next_rotation_attempt_ = steady_clock::now() + kRotationRetry;
      rotation_failure_ = rotated.error();
    }
  }
  if (size_ == 0 && settings_.rotate_every.count() > 0) {
    // A segment's age counts from its first line. Not worth a sync: the worst is an early rotation.
    record_.active_created = system_clock::now();
  }
  const std::size_t wanted = fitting(data);
  const ssize_t written = os_.write(active_fd_.get(), data.data(), wanted);
  if (written <= 0)
    return cannot(written < 0 ? static_cast<int>(-written) : EIO, "write to", paths_.active());
  const auto count = static_cast<std::size_t>(written);
  size_ += count;
  at_line_start_ = data[count - 1] == '\n';
  return count;
}

Status LogWriter::sync() {
  if (synced_ == end() || !active_fd_) return {};
  const StreamOffset written = end();
  if (const int error = os_.fdatasync(active_fd_.get()); error < 0)
    return cannot(-error, "sync", paths_.active());
  synced_ = written;
  return {};
}

std::optional<system_clock::time_point> LogWriter::rotation_due() const {
  if (settings_.rotate_every.count() == 0 || size_ == 0 || rotate_requested_) return std::nullopt;
  return std::chrono::time_point_cast<system_clock::duration>(record_.active_created) +
         settings_.rotate_every;
}

Status LogWriter::rotate() {
  if (size_ == 0) return {};
  rotate_requested_ = true;
  return at_line_start_ ? finish_rotation() : Status{};
}

// From state 1 to state 4. A failure leaves the writer in the state that was reached.
Status LogWriter::finish_rotation() {
  struct stat st{};
  const int looked = os_.lstat(paths_.active().c_str(), &st);
  if (looked == -ENOENT || (looked == 0 && st.st_ino != record_.active_inode)) {
    // Somebody else has moved it: it has been rotated, in a way.
    const Result<bool> reopened = reopen();
    if (!reopened) return std::unexpected(reopened.error());
    return {};
  }
  if (durable()) {
    if (Status synced = sync(); !synced) return synced;
  }
  const std::string rotated = paths_.rotated(base_);
  if (const int error = os_.rename_noreplace(paths_.active().c_str(), rotated.c_str()); error < 0) {
    return fail_errno(-error,
                      fmt::format("rotate the log {} to {}", quoted(paths_.active()), quoted(rotated)),
                      "It goes on growing, and the rotation is tried again");
  }
  return begin_segment();
}

// The active segment has left its path, or never was there: makes the next one, which begins at end().
Status LogWriter::begin_segment() {
  base_ = end();
  size_ = 0;
  active_fd_.reset();
  if (Status opened = open_active(); !opened) return opened;
  rotate_requested_ = false;
  if (size_ > base_.value) {
    active_fd_.reset();
    size_ = 0;
    return fail(ErrorKind::Data, "go on in the log " + quoted(paths_.active()),
                "somebody else put a file there", "Move it away");
  }
  base_.value -= size_;  // somebody else's bytes, if there are any: the stream's offsets stay what they are
  ++rotations_;
  synced_ = end();
  return write_index();
}

Result<bool> LogWriter::reopen() {
  struct stat st{};
  const int looked = os_.lstat(paths_.active().c_str(), &st);
  if (looked < 0 && looked != -ENOENT) return cannot(-looked, "reopen", paths_.active());
  if (looked == 0 && st.st_ino == record_.active_inode && active_fd_) return false;
  if (durable()) {
    if (Status synced = sync(); !synced) return std::unexpected(synced.error());
  }
  if (Status begun = begin_segment(); !begun) return std::unexpected(begun.error());
  return true;
}

Status LogWriter::skip_to(StreamOffset offset) {
  if (size_ > 0) {
    if (!at_line_start_) {
      if (Status closed = close_torn_line(); !closed) return closed;
    }
    if (Status rotated = finish_rotation(); !rotated) return rotated;
  }
  base_ = offset;
  synced_ = offset;
  return write_index();
}

void LogWriter::set_limits(const LogSettings& settings) {
  settings_.sync = settings.sync;
  settings_.rotate_size = settings.rotate_size;
  settings_.rotate_every = settings.rotate_every;
}

}  // namespace slurper
