#include "log/slot_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file_kind.h"
#include "proc/lock_holder.h"

namespace slurper {

namespace {

constexpr int kOpenAttempts = 10;

struct Opened {
  UniqueFd fd;
  bool created = false;
};

std::unexpected<Error> cannot_open(int errnum, std::string what, ErrorKind otherwise) {
  const char* const advice =
      errnum == ENOENT ? "Create the log's folder, or name another log"
                       : "Let slurper read and write the log's folder and files, or name another log";
  auto error = fail_errno(errnum, std::move(what), advice);
  if (error.error().kind != ErrorKind::NoPermission) error.error().kind = otherwise;
  return error;
}

Result<Opened> open_or_create(Os& os, const std::string& path, const FileAccess& access,
                              const SlotFileWords& words) {
  const std::string what = fmt::format("open {}", words.file);
  for (int attempt = 0;; ++attempt) {
    const int created_fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, access.mode);
    if (created_fd >= 0) return Opened{UniqueFd(created_fd), true};
    if (created_fd != -EEXIST) return cannot_open(-created_fd, what, ErrorKind::CantCreate);

    const int fd = os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) return Opened{UniqueFd(fd), false};
    // Removed in between: create it after all.
    if (fd == -ENOENT && attempt < kOpenAttempts) continue;
    if (fd != -ELOOP) return cannot_open(-fd, what, ErrorKind::Io);
    auto linked = fail_to_open(-fd, path, what, "Remove the link");
    linked.error().kind = ErrorKind::CantCreate;
    return linked;
  }
}

std::unexpected<Error> busy(const std::string& holder, const SlotFileWords& words) {
  return fail(ErrorKind::Busy, fmt::format("lock {}", words.locked),
              fmt::format("{} {}", holder, words.in_use), words.in_use_advice);
}

// Empty if no file can be made: a disk that is full must not keep a log from being opened whose files are
// all there.
Result<LockFile> take_lock(Os& os, const std::string& path, const SlotFileWords& words, std::string& note) {
  // Of what another user owns, root lets that user have the lock, too.
  struct stat st{};
  const uid_t user = os.lstat(path.c_str(), &st) >= 0 && S_ISREG(st.st_mode) ? st.st_uid : ::geteuid();
  Result<LockFile> taken = LockFile::acquire(os, words.lock_path, user);
  if (taken) return taken;
  Error& error = taken.error();
  if (error.kind == ErrorKind::Busy) {
    const auto holder = flock_holder(words.lock_path);
    return busy(holder ? fmt::format("process {}", *holder) : "another process", words);
  }
  if (error.errnum == ENOSPC || error.errnum == EDQUOT) {
    note = fmt::format("{}. Only flock(2) on {} keeps a second slurper away", error.message(), words.file);
    return LockFile();
  }
  if (error.errnum != 0 && error.advice.empty())
    return cannot_open(error.errnum, error.what.str(), ErrorKind::CantCreate);
  return taken;
}

// The lock of slurpers that know no lock file.
Status respect_flock(Os& os, int slots_fd, const SlotFileWords& words, std::string& note) {
  const FlockClaim claim = claim_flock(os, slots_fd);
  if (claim.error == 0) return {};
  if (claim.error != -EWOULDBLOCK) return fail_errno(-claim.error, fmt::format("lock {}", words.locked));
  if (!claim.is_strangers()) return busy(claim.holder.text(), words);
  note = fmt::format("{} holds a lock on {}, and is no slurper: going on without that lock",
                     claim.holder.text(), words.file);
  return {};
}

// A new file gets its mode whatever the umask is.
Status give_access(Os& os, int slots_fd, const std::string& directory, const FileAccess& access,
                   const SlotFileWords& words) {
  const std::string what = fmt::format("set up {}", words.file);
  if (access.group != static_cast<gid_t>(-1)) {
    if (const int result = os.fchown(slots_fd, static_cast<uid_t>(-1), access.group); result < 0)
      return fail_errno(-result, what);
  }
  if (const int result = os.fchmod(slots_fd, access.mode); result < 0) return fail_errno(-result, what);
  if (const int result = sync_directory(os, directory.c_str()); result < 0) return fail_errno(-result, what);
  return {};
}

}  // namespace

Result<SlotFile> SlotFile::open(Os& os, std::string path, const std::string& directory,
                                const FileAccess& access, SlotFileWords words, LockFile held) {
  const std::string what = fmt::format("open {}", words.file);
  std::string note;
  Result<LockFile> taken = held ? Result<LockFile>(std::move(held)) : take_lock(os, path, words, note);
  if (!taken) return std::unexpected(std::move(taken.error()));
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    auto opened = open_or_create(os, path, access, words);
    if (!opened) return std::unexpected(std::move(opened.error()));
    const int slots_fd = opened->fd.get();

    struct stat st{};
    if (const int result = os.fstat(slots_fd, &st); result < 0) return fail_errno(-result, what);
    if (!S_ISREG(st.st_mode))
      return fail(ErrorKind::CantCreate, what, not_a_regular_file(path, st.st_mode), "Move it away");
    if (Status free = respect_flock(os, slots_fd, words, note); !free)
      return std::unexpected(std::move(free.error()));

    // It may have been removed before it was locked: a lock on a file without a name keeps no process out.
    struct stat named{};
    if (os.lstat(path.c_str(), &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
      continue;

    if (opened->created) {
      if (auto status = give_access(os, slots_fd, directory, access, words); !status)
        return std::unexpected(std::move(status.error()));
    }
    SlotFile file(os, std::move(path), std::move(opened->fd), std::move(words));
    file.lock_ = std::move(*taken);
    file.lock_note_ = std::move(note);
    return file;
  }
  return fail(ErrorKind::Io, what, "it is replaced again and again");
}

bool SlotFile::has_name() const {
  struct stat ours{};
  struct stat named{};
  return os_->fstat(slots_fd_.get(), &ours) >= 0 && os_->lstat(path_.c_str(), &named) >= 0 &&
         named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

Result<SlotFile> SlotFile::open_again(const std::string& directory, const FileAccess& access) const {
  return open(*os_, path_, directory, access, words_, lock_.has_name() ? lock_.share() : LockFile());
}

Result<SlotFile> SlotFile::look(Os& os, std::string path, SlotFileWords words) {
  UniqueFd slots_fd(os.open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!slots_fd) return fail_errno(-slots_fd.get(), fmt::format("open {}", words.file));
  return SlotFile(os, std::move(path), std::move(slots_fd), std::move(words));
}

// A slot that ends early reads as if zeros followed.
Status SlotFile::read_slot(std::size_t slot, std::span<std::uint8_t> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os_->pread(slots_fd_.get(), bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(slot * bytes.size() + done));
    if (size < 0) return fail_errno(static_cast<int>(-size), fmt::format("read {}", words_.file));
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return {};
}

Status SlotFile::write_slot(std::size_t slot, std::span<const std::uint8_t> bytes, Durability durability) {
  const auto what = [&] { return fmt::format("write {}", words_.file); };
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os_->pwrite(slots_fd_.get(), bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(slot * bytes.size() + done));
    if (size < 0) return fail_errno(static_cast<int>(-size), what());
    if (size == 0) return fail(ErrorKind::Io, what(), "nothing could be written");
    done += static_cast<std::size_t>(size);
  }
  if (durability == Durability::Synced) {
    if (const int result = os_->fdatasync(slots_fd_.get()); result < 0) return fail_errno(-result, what());
  }
  return {};
}

Status SlotFile::note_damage(std::size_t slot, SlotDamage damage, std::vector<std::string>& said) const {
  std::string why;
  switch (damage) {
    case SlotDamage::Empty:
      return {};
    case SlotDamage::Version:
      return fail(ErrorKind::Data, fmt::format("use {}", words_.file),
                  "it was written by another version of slurper", "Use a slurper that is not older");
    case SlotDamage::Magic:
      why = fmt::format("it is not {}", words_.slot);
      break;
    case SlotDamage::Checksum:
      why = "its checksum is wrong";
  }
  said.push_back(fmt::format("slot {} of {} is damaged: {}", "AB"[slot], words_.file, why));
  return {};
}

Error SlotFile::unusable() const {
  return {ErrorKind::Data, 0, fmt::format("use {}", words_.file), "no slot of it is whole",
          words_.unusable_advice};
}

}  // namespace slurper
