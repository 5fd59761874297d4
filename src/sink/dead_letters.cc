#include "sink/dead_letters.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/phrase_id.h"
#include "sink/dead_letter.h"

namespace slurper {

Status DeadLetters::open() {
  const Phrase what = about_file(PhraseId::OpenDeadLetters, path_);
  // O_RDWR, because open() reads the end of the last line.
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
  char last = '\n';
  if (st.st_size > 0) {
    if (const ssize_t result = os_.pread(fd.get(), &last, 1, st.st_size - 1); result < 0)
      return fail_errno(static_cast<int>(-result), what);
  }
  if (last != '\n') {
    if (const ssize_t result = os_.write(fd.get(), "\n", 1); result < 0)
      return fail_errno(static_cast<int>(-result), what);
  }
  fd_ = std::move(fd);
  return {};
}

Status DeadLetters::append(std::string_view sink, const Record& record, const Phrase& reason) {
  return append_line(format_dead_letter(sink, record, render_(reason)));
}

Status DeadLetters::append_line(std::string_view line) {
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (!fd_) {
      if (Status opened = open(); !opened) return opened;
    }
    const ssize_t written = os_.write(fd_.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
      fd_.reset();  // the next open() ends the line that was cut short
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
