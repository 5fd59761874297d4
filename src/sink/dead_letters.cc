#include "sink/dead_letters.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/phrase_id.h"
#include "sink/dead_letter.h"

namespace slurper {

Status DeadLetters::open() {
  const Phrase what = about_file(PhraseId::OpenDeadLetters, path_);
  // O_RDWR, because mend() reads the last line.
  constexpr int kFlags = O_RDWR | O_APPEND | O_NOFOLLOW;
  UniqueFd fd(os_.open(path_.c_str(), kFlags | O_CREAT | O_EXCL, access_.mode));
  const bool created = static_cast<bool>(fd);
  // O_NONBLOCK: the open must not wait, whatever kind of file is at the path.
  if (fd.get() == -EEXIST) fd.reset(os_.open(path_.c_str(), kFlags | O_NONBLOCK));
  if (!fd) return fail_to_open(-fd.get(), path_, what);
  struct stat st{};
  if (const int result = os_.fstat(fd.get(), &st); result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::CantCreate, what, not_a_regular_file(path_, st.st_mode), PhraseId::MoveItAway);
  // An empty file may be the remains of a crash. It may also be a second name of another file, which stays
  // untouched.
  if (created || (st.st_size == 0 && st.st_nlink == 1 && st.st_uid == ::geteuid())) {
    // Sets the mode regardless of the umask. The group comes first, since a change of group may clear mode
    // bits.
    int given = access_.group == static_cast<gid_t>(-1)
                    ? 0
                    : os_.fchown(fd.get(), static_cast<uid_t>(-1), access_.group);
    if (given == 0) given = os_.fchmod(fd.get(), access_.mode);
    if (given < 0) return fail_errno(-given, what);
  }
  fd_ = std::move(fd);
  return {};
}

// Removes the beginning of a letter that a kill or a full disk cut short; any other text, such as an
// operator's note, gets its newline. If another process writes, what looks torn may be a write that is under
// way: it gets a newline, too, which comes after that write.
Status DeadLetters::mend(bool is_alone) {
  constexpr off_t kChunk = 65536;
  constexpr std::size_t kMostTail = std::size_t{8} << 20;  // of a letter, there is less
  const Phrase what = about_file(PhraseId::WriteDeadLetters, path_);
  struct stat st{};
  if (const int result = os_.fstat(fd_.get(), &st); result < 0) return fail_errno(-result, what);
  std::string tail;  // what follows the last newline
  for (off_t begin = st.st_size; begin > 0 && !tail.contains('\n') && tail.size() < kMostTail;) {
    std::string chunk(static_cast<std::size_t>(std::min(begin, kChunk)), '\0');
    begin -= static_cast<off_t>(chunk.size());
    const ssize_t got = os_.pread(fd_.get(), chunk.data(), chunk.size(), begin);
    if (got < 0) return fail_errno(static_cast<int>(-got), what);
    if (got != static_cast<ssize_t>(chunk.size())) return {};  // another process has cut the file
    tail.insert(0, chunk);
  }
  tail.erase(0, tail.rfind('\n') + 1);
  if (tail.empty()) return {};
  if (is_alone && tail.size() < kMostTail && is_torn_dead_letter(tail)) {
    const int cut = os_.ftruncate(fd_.get(), st.st_size - static_cast<off_t>(tail.size()));
    return cut < 0 ? Status(fail_errno(-cut, what)) : Status();
  }
  const ssize_t result = os_.write(fd_.get(), "\n", 1);
  return result < 0 ? Status(fail_errno(static_cast<int>(-result), what)) : Status();
}

Status DeadLetters::append(std::string_view sink, const Record& record, const Phrase& reason) {
  return append_line(format_dead_letter(sink, record, render_(reason)));
}

Status DeadLetters::append_line(std::string_view line) {
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const bool is_new = !fd_;
    if (is_new) {
      if (Status opened = open(); !opened) return opened;
    }
    // A replay and slurper itself may write to one file. A process that holds the lock for ever keeps no
    // letter from being written, and delays the first one only.
    const bool is_alone = lock_file(os_, fd_.get(), lock_patience_) >= 0;
    lock_patience_ = is_alone ? kLockPatience : std::chrono::milliseconds(0);
    if (is_new) {
      if (Status mended = mend(is_alone); !mended) {
        fd_.reset();
        return mended;
      }
    }
    const ssize_t written = os_.write(fd_.get(), line.data(), line.size());
    if (is_alone) (void)os_.flock(fd_.get(), LOCK_UN);  // can't fail: the lock is held
    if (written != static_cast<ssize_t>(line.size())) {
      fd_.reset();  // the next try removes what was cut short
      return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC,
                        about_file(PhraseId::WriteDeadLetters, path_));
    }
    // A process that has moved the file away before this look may have read it before the write.
    if (is_at_path()) return {};
    fd_.reset();
  }
  return fail(ErrorKind::Io, about_file(PhraseId::WriteDeadLetters, path_), PhraseId::ReplacedAllTheTime);
}

bool DeadLetters::is_at_path() const {
  struct stat ours{};
  struct stat named{};
  return os_.fstat(fd_.get(), &ours) >= 0 && os_.lstat(path_.c_str(), &named) >= 0 &&
         named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

Status DeadLetters::sync() {
  if (!fd_) return {};
  if (const int result = os_.fdatasync(fd_.get()); result < 0)
    return fail_errno(-result, about_file(PhraseId::WriteDeadLetters, path_));
  return {};
}

}  // namespace slurper
