#include "fifo/fifo.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/accounts.h"
#include "base/contract.h"
#include "base/error.h"
#include "base/file_kind.h"

namespace slurper {

namespace {

std::unexpected<Error> not_a_fifo(const std::string& path, mode_t mode) {
  return fail(ErrorKind::NoInput, about_file(PhraseId::ReadFifo, path),
              {PhraseId::NotAFifo, {{"found", what_stands_at(path, mode)}}},
              S_ISLNK(mode) ? Phrase(PhraseId::NameTheFifo, {{"target", end_of_links(path)}})
                            : PhraseId::NameAnotherPath);
}

std::unexpected<Error> cannot_create(int errnum, const std::string& path) {
  Error error =
      fail_errno(errnum, about_file(PhraseId::CreateFifo, path), PhraseId::CreateItYourself).error();
  if (error.kind != ErrorKind::NoPermission && errnum != EMFILE) error.kind = ErrorKind::CantCreate;
  return std::unexpected(std::move(error));
}

// Opens a descriptor with `flags` on the very inode that `fd` has open, wherever its path leads by now.
Result<UniqueFd> open_again(Os& os, int fd, int flags, const Phrase& what) {
  UniqueFd again_fd(os.open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags));
  if (again_fd) return again_fd;
  if (again_fd.get() == -ENOENT) return fail(ErrorKind::Io, what, PhraseId::ProcNotMounted);
  return fail_errno(-again_fd.get(), what,
                    again_fd.get() == -EACCES ? Phrase(PhraseId::AllowBothEnds) : Phrase());
}

// Opens both ends of the FIFO that `seen_fd` refers to (O_PATH). A writer may arrive as soon as one end is
// open, and closing that end again would lose what it has written. So whatever can fail is tried before:
// O_RDWR needs the permissions of both ends and opens both at once, and both descriptors are reserved by
// then.
Result<Fifo> open_ends(Os& os, UniqueFd seen_fd, const std::string& path) {
  const Phrase what = about_file(PhraseId::OpenFifo, path);
  UniqueFd spare_fd(os.fcntl(seen_fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!spare_fd) return fail_errno(-spare_fd.get(), what);
  Result<UniqueFd> both_fd = open_again(os, seen_fd.get(), O_RDWR | O_NONBLOCK, what);
  if (!both_fd) {
    if (both_fd.error().errnum != EACCES) return std::unexpected(both_fd.error());
    const std::string link = fmt::format("/proc/self/fd/{}", seen_fd.get());
    const bool may_write = ::faccessat(AT_FDCWD, link.c_str(), W_OK, AT_EACCESS) == 0;
    const PhraseId refused = may_write ? PhraseId::OpenFifoForReading : PhraseId::OpenFifoForWriting;
    return fail_errno(EACCES, about_file(refused, path), PhraseId::AllowBothEnds);
  }
  seen_fd.reset();
  Result<UniqueFd> read_fd = open_again(os, both_fd->get(), O_RDONLY | O_NONBLOCK, what);
  if (!read_fd) return std::unexpected(read_fd.error());
  spare_fd.reset();
  Result<UniqueFd> keep_alive_fd = open_again(os, both_fd->get(), O_WRONLY | O_NONBLOCK, what);
  if (!keep_alive_fd) return std::unexpected(keep_alive_fd.error());
  struct stat st{};
  if (const int error = os.fstat(read_fd->get(), &st); error < 0) return fail_errno(-error, what);
  Fifo fifo;
  fifo.device = st.st_dev;
  fifo.inode = st.st_ino;
  fifo.read_fd = std::move(*read_fd);
  fifo.keep_alive_fd = std::move(*keep_alive_fd);
  return fifo;
}

// Opens both ends of the FIFO that mkfifo(2) has just made at `temporary`, and nothing else. If another user
// may write to the folder, something else may stand there by now, even a hard link to any file. So the inode
// is checked before it is opened (O_PATH opens nothing), and every later step works on that very inode.
Result<Fifo> open_made(Os& os, const std::string& temporary, const std::string& path) {
  UniqueFd seen_fd(os.open(temporary.c_str(), O_PATH | O_NOFOLLOW));
  if (!seen_fd) return cannot_create(-seen_fd.get(), path);
  struct stat st{};
  if (const int error = os.fstat(seen_fd.get(), &st); error < 0) return cannot_create(-error, path);
  if (!S_ISFIFO(st.st_mode) || st.st_nlink != 1 || st.st_uid != ::geteuid()) {
    return fail(ErrorKind::CantCreate, about_file(PhraseId::CreateFifo, path),
                about_file(PhraseId::TemporaryFifoReplaced, temporary));
  }
  return open_ends(os, std::move(seen_fd), path);
}

// Creates the FIFO under a temporary name first. So whenever the machine stops, a FIFO at its path has its
// final mode and owner, and its reader. nullopt: another process created the path meanwhile.
Result<std::optional<Fifo>> create_fifo(Os& os, const FifoSettings& settings) {
  const std::string& path = settings.path;
  const Phrase what = about_file(PhraseId::CreateFifo, path);
  const std::string temporary = path + ".new";

  struct stat st{};
  if (os.lstat(temporary.c_str(), &st) == 0) {
    if (!S_ISFIFO(st.st_mode)) {
      return fail(ErrorKind::CantCreate, what,
                  {PhraseId::InTheWay, {{"file", QuotedText{temporary}}, {"found", file_kind(st.st_mode)}}});
    }
    (void)os.unlink(temporary.c_str());  // an interrupted start left it; mkfifo reports a failure
  }
  const auto failed = [&](int error) { return cannot_create(error, path); };
  if (const int error = os.mkfifo(temporary.c_str(), 0600); error < 0) return failed(-error);
  Result<Fifo> made = open_made(os, temporary, path);
  if (!made) return std::unexpected(made.error());  // whatever stands there stays untouched
  const int fifo_fd = made->read_fd.get();
  made->created = true;
  const auto finish = [&]() -> Status {
    uid_t owner = static_cast<uid_t>(-1);
    gid_t group = static_cast<gid_t>(-1);
    if (!settings.owner.empty()) {
      const auto id = find_user(settings.owner);
      if (!id)
        return fail(ErrorKind::Config, what, {PhraseId::NoSuchUser, {{"user", QuotedText{settings.owner}}}},
                    PhraseId::CorrectFifoOwner);
      owner = *id;
    }
    if (!settings.group.empty()) {
      const auto id = find_group(settings.group);
      if (!id)
        return fail(ErrorKind::Config, what, {PhraseId::NoSuchGroup, {{"group", QuotedText{settings.group}}}},
                    PhraseId::CorrectFifoGroup);
      group = *id;
    }
    if (const int error = os.fchown(fifo_fd, owner, group); error < 0) return failed(-error);
    if (const int error = os.fchmod(fifo_fd, settings.mode); error < 0) return failed(-error);
    const int error = os.rename_noreplace(temporary.c_str(), path.c_str());
    if (error == -EEXIST) made->created = false;
    if (error < 0 && error != -EEXIST) return failed(-error);
    return {};
  };
  const Status finished = finish();
  // The first error is the one to report.
  if (!finished || !made->created) (void)os.unlink(temporary.c_str());
  if (!finished) return std::unexpected(finished.error());
  if (!made->created) return std::nullopt;
  return std::move(*made);
}

// Opens both ends of what stands at the path now. nullopt: the path is missing.
Result<std::optional<Fifo>> open_present(Os& os, const std::string& path) {
  const Phrase what = about_file(PhraseId::OpenFifo, path);
  // O_PATH opens nothing: opening a device could have effects.
  UniqueFd seen_fd(os.open(path.c_str(), O_PATH | O_NOFOLLOW));
  if (seen_fd.get() == -ENOENT) return std::nullopt;
  if (!seen_fd) return fail_errno(-seen_fd.get(), what);
  struct stat st{};
  if (const int error = os.fstat(seen_fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (!S_ISFIFO(st.st_mode)) return not_a_fifo(path, st.st_mode);
  return open_ends(os, std::move(seen_fd), path);
}

void grow_pipe(Os& os, Fifo& fifo, const FifoSettings& settings) {
  const int wanted = static_cast<int>(settings.pipe_size.bytes);
  // Never shrinks a pipe that another process has enlarged.
  if (const int size = os.fcntl(fifo.read_fd.get(), F_GETPIPE_SZ, 0); size >= wanted) {
    fifo.pipe_size = static_cast<std::uint64_t>(size);
    return;
  }
  const int granted = os.fcntl(fifo.read_fd.get(), F_SETPIPE_SZ, wanted);
  const int actual = os.fcntl(fifo.read_fd.get(), F_GETPIPE_SZ, 0);
  fifo.pipe_size = actual > 0 ? static_cast<std::uint64_t>(actual) : 65536;
  if (granted >= 0) return;
  // EPERM: above pipe-max-size, or all pipes of the user together exceed pipe-user-pages-soft. EBUSY: the
  // pipe holds more (pipe(7)).
  fifo.pipe_size_refusal =
      fail_errno(-granted,
                 {PhraseId::EnlargePipe, {{"file", QuotedText{settings.path}}, {"size", settings.pipe_size}}})
          .error();
}

}  // namespace

Status can_create_fifo(const FifoSettings& settings) {
  const std::size_t slash = settings.path.rfind('/');
  const std::string folder = slash == 0                   ? "/"
                             : slash == std::string::npos ? "."
                                                          : settings.path.substr(0, slash);
  // Uses the effective ids, which decide on file access; access(2) uses the real ones.
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return cannot_create(errno, settings.path);
  return {};
}

Result<Fifo> open_fifo(Os& os, const FifoSettings& settings, std::chrono::milliseconds lock_patience) {
  const Phrase what = about_file(PhraseId::OpenFifo, settings.path);
  std::optional<Fifo> fifo;
  // Another process may change the path between any two of these calls.
  for (int attempt = 0; attempt < 10 && !fifo; ++attempt) {
    Result<std::optional<Fifo>> opened = open_present(os, settings.path);
    if (opened && !*opened) {
      if (!settings.create) return fail_errno(ENOENT, what, PhraseId::CreateWithMkfifo);
      opened = create_fifo(os, settings);
    }
    if (!opened) return std::unexpected(std::move(opened.error()));
    fifo = std::move(*opened);
  }
  if (!fifo) return fail(ErrorKind::NoInput, what, PhraseId::ReplacedAllTheTime);
  fifo->hides_reads = os.fcntl(fifo->read_fd.get(), F_SETFL, O_NONBLOCK | O_NOATIME) == 0;
  Result<FifoLock> lock = lock_fifo(os, fifo->read_fd.get(), settings.path, lock_patience);
  if (!lock) return std::unexpected(std::move(lock.error()));
  fifo->lock = std::move(*lock);
  grow_pipe(os, *fifo, settings);
  return std::move(*fifo);
}

bool has_room(const Fifo& fifo) {
  SLURPER_ASSERT(fifo.keep_alive_fd);
  pollfd writer{.fd = fifo.keep_alive_fd.get(), .events = POLLOUT, .revents = 0};
  return ::poll(&writer, 1, 0) == 1 && (writer.revents & POLLOUT) != 0;
}

std::uint64_t sure_room(std::uint64_t pipe_size, std::uint64_t held, std::uint64_t page) {
  const std::uint64_t slots = std::max<std::uint64_t>(pipe_size / page, 1);
  const std::uint64_t never_full_below = (slots - 1) / 2 * page;
  return never_full_below - std::min(never_full_below, held);
}

std::uint64_t headroom(Os& os, const Fifo& fifo) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto held = static_cast<std::uint64_t>(std::max(0, os.fionread(fifo.read_fd.get())));
  const std::uint64_t sure = sure_room(fifo.pipe_size, held, page);
  return sure < page && fifo.keep_alive_fd && has_room(fifo) ? page : sure;
}

bool writers_are_gone(const Fifo& fifo) {
  SLURPER_ASSERT(fifo.read_fd);
  pollfd reader{.fd = fifo.read_fd.get(), .events = 0, .revents = 0};
  return ::poll(&reader, 1, 0) == 1 && (reader.revents & POLLHUP) != 0;
}

Status reopen_keep_alive(Os& os, Fifo& fifo) {
  SLURPER_ASSERT(fifo.read_fd);
  Result<UniqueFd> fd = open_again(os, fifo.read_fd.get(), O_WRONLY | O_NONBLOCK, PhraseId::ReopenKeepAlive);
  if (!fd) return std::unexpected(std::move(fd.error()));
  fifo.keep_alive_fd = std::move(*fd);
  return {};
}

}  // namespace slurper
