#include "log/log_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "log/lock_holder.h"

namespace slurper {

namespace {

constexpr int kOpenAttempts = 10;

const char* damage_text(SlotDamage damage) {
  switch (damage) {
    case SlotDamage::Empty:
      return "it is empty";
    case SlotDamage::Magic:
      return "it is not an index slot";
    case SlotDamage::Version:
      return "it is of another format";
    case SlotDamage::Checksum:
      return "its checksum is wrong";
  }
  return "";
}

// A slot that ends early reads as if zeros followed.
Result<IndexSlotBytes> read_slot(Os& os, int index_fd, std::size_t slot, const std::string& path) {
  IndexSlotBytes bytes{};
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os.pread(index_fd, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(slot * kIndexSlotSize + done));
    if (size < 0)
      return fail_errno(static_cast<int>(-size), fmt::format("read the log's index {}", in_quotes(path)));
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return bytes;
}

Result<IndexReading> read_slots(Os& os, int index_fd, const std::string& path) {
  const auto unusable = [&](std::string why, std::string advice) {
    return fail(ErrorKind::Data, fmt::format("use the log's index {}", in_quotes(path)), std::move(why),
                std::move(advice));
  };
  IndexReading reading;
  for (std::size_t slot = 0; slot < kIndexSlots; ++slot) {
    const auto bytes = read_slot(os, index_fd, slot, path);
    if (!bytes) return std::unexpected(bytes.error());
    const auto record = decode_index_slot(*bytes);
    if (record) {
      if (!reading.record || record->sequence > reading.record->sequence) {
        reading.record = *record;
        reading.slot = slot;
      }
    } else if (record.error() == SlotDamage::Version) {
      return unusable("it was written by another version of slurper", "Use a slurper that is not older");
    } else if (record.error() != SlotDamage::Empty) {
      reading.damage.push_back(fmt::format("slot {} of the log's index {} is damaged: {}", "AB"[slot],
                                           in_quotes(path), damage_text(record.error())));
    }
  }
  if (!reading.record && !reading.damage.empty())
    return unusable(
        "no slot of it is whole",
        "Move it away: slurper then makes a new one, with a new log id, from the segments that are "
        "there");
  return reading;
}

struct Opened {
  UniqueFd fd;
  bool created = false;
};

Result<Opened> open_or_create(Os& os, const std::string& path, const LogIndex::Access& access) {
  const auto failed = [&](int errnum, ErrorKind otherwise) {
    const char* const advice =
        errnum == ENOENT ? "Create the log's folder, or name another log"
                         : "Let slurper read and write the log's folder and files, or name another log";
    auto error = fail_errno(errnum, fmt::format("open the log's index {}", in_quotes(path)), advice);
    if (error.error().kind != ErrorKind::NoPermission) error.error().kind = otherwise;
    return error;
  };
  for (int attempt = 0;; ++attempt) {
    const int created_fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, access.mode);
    if (created_fd >= 0) return Opened{UniqueFd(created_fd), true};
    if (created_fd != -EEXIST) return failed(-created_fd, ErrorKind::CantCreate);

    const int fd = os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) return Opened{UniqueFd(fd), false};
    // Removed in between: create it after all.
    if (fd == -ENOENT && attempt < kOpenAttempts) continue;
    if (fd == -ELOOP)
      return fail(ErrorKind::CantCreate, fmt::format("open the log's index {}", in_quotes(path)),
                  "it is a symbolic link", "Remove the link");
    return failed(-fd, ErrorKind::Io);
  }
}

Status lock(Os& os, int index_fd, const struct stat& st, const LogPaths& paths) {
  const std::string what = fmt::format("lock the log {}", in_quotes(paths.active()));
  const int result = os.flock(index_fd, LOCK_EX | LOCK_NB);
  if (result == 0) return {};
  if (result != -EWOULDBLOCK) return fail_errno(-result, what);
  const auto holder = flock_holder(st.st_dev, st.st_ino);
  return fail(ErrorKind::Busy, what,
              holder ? fmt::format("process {} is writing it", *holder) : "another process is writing it",
              "One slurper writes a log: stop the other one, or name another log");
}

// A new file gets its mode whatever the umask is.
Status give_access(Os& os, int index_fd, const LogIndex::Access& access, const LogPaths& paths) {
  const std::string what = fmt::format("set up the log's index {}", in_quotes(paths.index()));
  if (access.group != static_cast<gid_t>(-1)) {
    if (const int result = os.fchown(index_fd, static_cast<uid_t>(-1), access.group); result < 0)
      return fail_errno(-result, what);
  }
  if (const int result = os.fchmod(index_fd, access.mode); result < 0) return fail_errno(-result, what);
  if (const int result = sync_directory(os, paths.directory().c_str()); result < 0)
    return fail_errno(-result, what);
  return {};
}

}  // namespace

Result<IndexReading> read_index(Os& os, const LogPaths& paths) {
  const std::string path = paths.index();
  const UniqueFd index_fd(os.open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!index_fd) return fail_errno(-index_fd.get(), fmt::format("open the log's index {}", in_quotes(path)));
  return read_slots(os, index_fd.get(), path);
}

LogIndex::LogIndex(Os& os, std::string path, UniqueFd fd, IndexReading reading)
    : os_(&os), path_(std::move(path)), index_fd_(std::move(fd)), reading_(std::move(reading)) {}

Result<LogIndex> LogIndex::open(Os& os, const LogPaths& paths, const Access& access) {
  const std::string path = paths.index();
  const std::string what = fmt::format("open the log's index {}", in_quotes(path));
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    auto opened = open_or_create(os, path, access);
    if (!opened) return std::unexpected(std::move(opened.error()));
    const int index_fd = opened->fd.get();

    struct stat st{};
    if (const int result = os.fstat(index_fd, &st); result < 0) return fail_errno(-result, what);
    if (!S_ISREG(st.st_mode))
      return fail(ErrorKind::CantCreate, what, "it is not a regular file", "Move it away");
    if (auto locked = lock(os, index_fd, st, paths); !locked)
      return std::unexpected(std::move(locked.error()));

    // Somebody may have removed the file before it was locked: a lock on a file without a name keeps nobody
    // out.
    struct stat named{};
    if (os.lstat(path.c_str(), &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
      continue;

    if (opened->created) {
      if (auto status = give_access(os, index_fd, access, paths); !status)
        return std::unexpected(std::move(status.error()));
    }
    auto reading = read_slots(os, index_fd, path);
    if (!reading) return std::unexpected(std::move(reading.error()));
    return LogIndex(os, path, std::move(opened->fd), std::move(*reading));
  }
  return fail(ErrorKind::Io, what, "it is replaced again and again");
}

Status LogIndex::write(IndexRecord record, Durability durability) {
  const std::string what = fmt::format("write the log's index {}", in_quotes(path_));
  // In a new file slot A comes first.
  const std::size_t slot = reading_.record ? 1 - reading_.slot : 0;
  record.sequence = reading_.record ? reading_.record->sequence + 1 : 1;

  const IndexSlotBytes bytes = encode_index_slot(record);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os_->pwrite(index_fd_.get(), bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(slot * kIndexSlotSize + done));
    if (size < 0) return fail_errno(static_cast<int>(-size), what);
    if (size == 0) return fail(ErrorKind::Io, what, "nothing could be written");
    done += static_cast<std::size_t>(size);
  }
  if (durability == Durability::Synced) {
    if (const int result = os_->fdatasync(index_fd_.get()); result < 0) return fail_errno(-result, what);
  }
  reading_.record = record;
  reading_.slot = slot;
  return {};
}

}  // namespace slurper
