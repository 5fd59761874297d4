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

Phrase with_file(PhraseId id, const SlotFileNames& names) {
  return {id, {{"file", names.file}}};
}

std::unexpected<Error> cannot_open(int errnum, const Phrase& what, ErrorKind otherwise) {
  auto error =
      fail_errno(errnum, what, errnum == ENOENT ? PhraseId::CreateLogsFolder : PhraseId::LetSlurperWriteLog);
  if (error.error().kind != ErrorKind::NoPermission) error.error().kind = otherwise;
  return error;
}

Result<Opened> open_or_create(Os& os, const std::string& path, const FileAccess& access,
                              const SlotFileNames& names) {
  const Phrase what = with_file(PhraseId::OpenFile, names);
  for (int attempt = 0;; ++attempt) {
    const int created_fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, access.mode);
    if (created_fd >= 0) return Opened{UniqueFd(created_fd), true};
    if (created_fd != -EEXIST) return cannot_open(-created_fd, what, ErrorKind::CantCreate);

    const int fd = os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) return Opened{UniqueFd(fd), false};
    // Removed in between: create it after all.
    if (fd == -ENOENT && attempt < kOpenAttempts) continue;
    if (fd != -ELOOP) return cannot_open(-fd, what, ErrorKind::Io);
    auto linked = fail_to_open(-fd, path, what, PhraseId::RemoveTheLink);
    linked.error().kind = ErrorKind::CantCreate;
    return linked;
  }
}

std::unexpected<Error> busy(const std::string& holder, const SlotFileNames& names) {
  return fail(ErrorKind::Busy, {PhraseId::LockFile, {{"file", names.locked}}},
              {names.in_use, {{"process", holder}}});
}

// Empty if no file can be made: a disk that is full must not keep a log from being opened whose files are
// all there.
Result<LockFile> take_lock(Os& os, const std::string& path, const SlotFileNames& names, Phrase& note) {
  // Of what another user owns, root lets that user have the lock, too.
  struct stat st{};
  const uid_t user = os.lstat(path.c_str(), &st) >= 0 && S_ISREG(st.st_mode) ? st.st_uid : ::geteuid();
  Result<LockFile> taken = LockFile::acquire(os, names.lock_path, user);
  if (taken) return taken;
  Error& error = taken.error();
  if (error.kind == ErrorKind::Busy) {
    const auto holder = flock_holder(names.lock_path);
    return busy(holder ? fmt::format("process {}", *holder) : "another process", names);
  }
  if (error.errnum == ENOSPC || error.errnum == EDQUOT) {
    note = {PhraseId::LockIsWeak, {{"error", as_phrase(error)}, {"file", names.file}}};
    return LockFile();
  }
  if (error.errnum != 0 && error.advice.empty())
    return cannot_open(error.errnum, error.what, ErrorKind::CantCreate);
  return taken;
}

// The lock of slurpers that know no lock file.
Status respect_flock(Os& os, int slots_fd, const SlotFileNames& names, Phrase& note) {
  const FlockClaim claim = claim_flock(os, slots_fd);
  if (claim.error == 0) return {};
  if (claim.error != -EWOULDBLOCK)
    return fail_errno(-claim.error, {PhraseId::LockFile, {{"file", names.locked}}});
  if (!claim.is_strangers()) return busy(claim.holder.text(), names);
  note = {PhraseId::LockedByStranger, {{"process", claim.holder.text()}, {"file", names.file}}};
  return {};
}

// A new file gets its mode whatever the umask is.
Status give_access(Os& os, int slots_fd, const std::string& directory, const FileAccess& access,
                   const SlotFileNames& names) {
  const Phrase what = with_file(PhraseId::SetUpFile, names);
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
                                const FileAccess& access, SlotFileNames names, LockFile held) {
  const Phrase what = with_file(PhraseId::OpenFile, names);
  Phrase note;
  Result<LockFile> taken = held ? Result<LockFile>(std::move(held)) : take_lock(os, path, names, note);
  if (!taken) return std::unexpected(std::move(taken.error()));
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    auto opened = open_or_create(os, path, access, names);
    if (!opened) return std::unexpected(std::move(opened.error()));
    const int slots_fd = opened->fd.get();

    struct stat st{};
    if (const int result = os.fstat(slots_fd, &st); result < 0) return fail_errno(-result, what);
    if (!S_ISREG(st.st_mode))
      return fail(ErrorKind::CantCreate, what, not_a_regular_file(path, st.st_mode), PhraseId::MoveItAway);
    if (Status free = respect_flock(os, slots_fd, names, note); !free)
      return std::unexpected(std::move(free.error()));

    // It may have been removed before it was locked: a lock on a file without a name keeps no process out.
    struct stat named{};
    if (os.lstat(path.c_str(), &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
      continue;

    // An empty file may be the remains of a crash.
    if (opened->created || (st.st_size == 0 && st.st_nlink == 1 && st.st_uid == ::geteuid())) {
      if (auto status = give_access(os, slots_fd, directory, access, names); !status)
        return std::unexpected(std::move(status.error()));
    }
    SlotFile file(os, std::move(path), std::move(opened->fd), std::move(names));
    file.lock_ = std::move(*taken);
    file.lock_note_ = std::move(note);
    return file;
  }
  return fail(ErrorKind::Io, what, PhraseId::ReplacedAllTheTime);
}

bool SlotFile::has_name() const {
  struct stat ours{};
  struct stat named{};
  return os_->fstat(slots_fd_.get(), &ours) >= 0 && os_->lstat(path_.c_str(), &named) >= 0 &&
         named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

Result<SlotFile> SlotFile::open_again(const std::string& directory, const FileAccess& access) const {
  return open(*os_, path_, directory, access, names_, lock_.has_name() ? lock_.share() : LockFile());
}

Result<SlotFile> SlotFile::look(Os& os, std::string path, SlotFileNames names) {
  UniqueFd slots_fd(os.open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!slots_fd) return fail_errno(-slots_fd.get(), with_file(PhraseId::OpenFile, names));
  return SlotFile(os, std::move(path), std::move(slots_fd), std::move(names));
}

// A slot that ends early reads as if zeros followed.
Status SlotFile::read_slot(std::size_t slot, std::span<std::uint8_t> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os_->pread(slots_fd_.get(), bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(slot * bytes.size() + done));
    if (size < 0) return fail_errno(static_cast<int>(-size), with_file(PhraseId::ReadFile, names_));
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return {};
}

Status SlotFile::write_slot(std::size_t slot, std::span<const std::uint8_t> bytes, Durability durability) {
  const auto what = [&] { return with_file(PhraseId::WriteFile, names_); };
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = os_->pwrite(slots_fd_.get(), bytes.data() + done, bytes.size() - done,
                                     static_cast<off_t>(slot * bytes.size() + done));
    if (size <= 0) return fail_errno(size < 0 ? static_cast<int>(-size) : ENOSPC, what());
    done += static_cast<std::size_t>(size);
  }
  if (durability == Durability::Synced) {
    if (const int result = os_->fdatasync(slots_fd_.get()); result < 0) return fail_errno(-result, what());
  }
  return {};
}

Status SlotFile::note_damage(std::size_t slot, SlotDamage damage, std::vector<Phrase>& said) const {
  const auto note = [&](PhraseId id) {
    said.push_back({id, {{"slot", slot == 0 ? "A" : "B"}, {"file", names_.file}}});
  };
  switch (damage) {
    case SlotDamage::Empty:
      break;
    case SlotDamage::Version:
      return fail(ErrorKind::Data, with_file(PhraseId::UseFile, names_), PhraseId::WrittenByOtherVersion);
    case SlotDamage::Magic:
      note(PhraseId::SlotForeign);
      break;
    case SlotDamage::Checksum:
      note(PhraseId::SlotChecksum);
  }
  return {};
}

Error SlotFile::unusable() const {
  return {.kind = ErrorKind::Data,
          .what = with_file(PhraseId::UseFile, names_),
          .why = PhraseId::NoSlotWhole,
          .advice = names_.unusable_advice};
}

}  // namespace slurper
