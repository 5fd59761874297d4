#include "service/fd_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

namespace {

struct End {
  const char* name;
  int access;
};
constexpr std::array kEnds = {End{"slurper-read", O_RDONLY}, End{"slurper-write", O_WRONLY}};

// The name that slurper.socket gives its descriptor, or systemd's default: the name of the unit.
bool is_of_a_socket_unit(std::string_view name) {
  return name == "fifo" || name.ends_with(".socket");
}

std::string own_link(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

}  // namespace

bool has_socket_unit(const std::vector<PassedFd>& passed) {
  return std::any_of(passed.begin(), passed.end(),
                     [](const PassedFd& descriptor) { return is_of_a_socket_unit(descriptor.name); });
}

FdStore::FdStore(Os& os, std::string path, std::vector<PassedFd> passed, EventListener& events)
    : os_(os),
      path_(std::move(path)),
      passed_(std::move(passed)),
      events_(events),
      has_socket_unit_(slurper::has_socket_unit(passed_)) {
  for (const PassedFd& descriptor : passed_) {
    // A descriptor that was stored with the lock of a dead slurper would lock this one out.
    (void)os_.flock(descriptor.fd.get(), LOCK_UN);
  }
}

std::string FdStore::describe(int fd, const FileId& wanted) const {
  struct stat st{};
  if (os_.fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) return "not a FIFO";
  if (FileId{st.st_dev, st.st_ino} == wanted) return "not the end that it should be";
  const int held = os_.fionread(fd);
  return fmt::format(
      "another FIFO (device {}, inode {}{})", st.st_dev, st.st_ino,
      held > 0 ? fmt::format(", holding {}", format_rounded(ByteSize{static_cast<std::uint64_t>(held)}))
               : "");
}

std::optional<FdStore::FileId> FdStore::file_at_path() const {
  struct stat st{};
  if (os_.lstat(path_.c_str(), &st) < 0) return std::nullopt;
  return FileId{st.st_dev, st.st_ino};
}

// Whether the FIFO that a socket unit has passed stood at the path. A FIFO of another path may have been
// removed, too, so the name must match, unless an earlier slurper saw the FIFO disappear, and stored its
// successor.
bool FdStore::was_at_path(const PassedFd& descriptor) const {
  struct stat st{};
  if (os_.fstat(descriptor.fd.get(), &st) < 0 || !S_ISFIFO(st.st_mode)) return false;
  std::error_code ignored;  // it fails if the FIFO has no name any more
  const auto name = std::filesystem::read_symlink(own_link(descriptor.fd.get()), ignored);
  if (st.st_nlink == 0 && name == path_ + " (deleted)") return true;  // proc(5)
  const std::optional<FileId> successor = file_at_path();
  return successor && std::ranges::any_of(
                          kEnds, [&](const End& end) { return is_stored(end.name, end.access, *successor); });
}

Status FdStore::check() const {
  for (const PassedFd& descriptor : passed_) {
    if (!is_of_a_socket_unit(descriptor.name)) continue;
    struct stat st{};
    if (os_.fstat(descriptor.fd.get(), &st) == 0 && S_ISFIFO(st.st_mode) &&
        file_at_path() == FileId{st.st_dev, st.st_ino}) {
      continue;
    }
    if (was_at_path(descriptor)) continue;
    return fail(ErrorKind::Config, about_file(PhraseId::ReadFifo, path_),
                {PhraseId::OtherFifoPassed,
                 {{"name", QuotedText{descriptor.name}}, {"found", describe(descriptor.fd.get(), {})}}});
  }
  return {};
}

bool FdStore::is_stored(const char* name, int access, const FileId& id) const {
  bool found = false;
  for (const PassedFd& descriptor : passed_) {
    if (descriptor.name != name) continue;
    struct stat st{};
    const bool fits = os_.fstat(descriptor.fd.get(), &st) == 0 && FileId{st.st_dev, st.st_ino} == id &&
                      (os_.fcntl(descriptor.fd.get(), F_GETFL, 0) & O_ACCMODE) == access;
    if (!fits) return false;  // systemd removes all descriptors of one name together
    found = true;
  }
  return found;
}

void FdStore::forget(const std::string& name, const std::string& why) {
  events_.report(EventId::StoredFdRemoved, {{"name", Quoted{name}}, {"reason", why}});
  notify_systemd("FDSTOREREMOVE=1\nFDNAME=" + name);
}

// Returns true if `read_fd` is the read end of a FIFO that no other slurper reads.
bool FdStore::adopt(UniqueFd read_fd) {
  const int fd = read_fd.get();
  struct stat st{};
  if (os_.fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
      (os_.fcntl(fd, F_GETFL, 0) & O_ACCMODE) != O_RDONLY) {
    return false;
  }
  Result<FifoLock> lock = lock_fifo(os_, fd, path_, kLockPatience);
  if (!lock) return false;
  for (const Phrase& note : lock->notes) events_.report(EventId::FifoLockHint, {{"note", &note}});
  Fifo fifo;
  fifo.lock = std::move(*lock);
  fifo.device = st.st_dev;
  fifo.inode = st.st_ino;
  fifo.pipe_size = static_cast<std::uint64_t>(std::max(os_.fcntl(fd, F_GETPIPE_SZ, 0), 0));
  fifo.read_fd = std::move(read_fd);
  former_.push_back(std::move(fifo));
  return true;
}

// The socket unit's FIFO is not at the path any more. slurper opens a file description of its own to drain
// it: pid 1 shares the one that it passed, and a lock on that would remain.
void FdStore::leave_to_the_end(const PassedFd& descriptor) {
  socket_unit_is_behind_ = true;
  const std::string what = describe(descriptor.fd.get(), {});
  UniqueFd read_fd(os_.open(own_link(descriptor.fd.get()).c_str(), O_RDONLY | O_NONBLOCK));
  const bool adopted = adopt(std::move(read_fd));
  events_.report(
      EventId::SocketUnitIsBehind,
      {{"what", what}, {"fifo", Quoted{path_}}, {"outcome", adopted ? ", and is read to its end" : ""}});
}

void FdStore::store(const char* name, int access, const FileId& id) {
  const UniqueFd end(os_.open(path_.c_str(), access | O_NONBLOCK | O_NOFOLLOW));
  struct stat st{};
  // The FIFO was replaced just now: the code that detects that calls keep() for the new one.
  if (!end || os_.fstat(end.get(), &st) < 0 || FileId{st.st_dev, st.st_ino} != id) return;
  // FDPOLL=0: an end whose other side is closed for a moment shows POLLHUP, and systemd would drop it.
  notify_systemd(fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name), end.get());
}

void FdStore::keep(const Fifo& fifo) {
  const FileId id{fifo.device, fifo.inode};
  if (id == kept_) return;
  for (const PassedFd& descriptor : passed_) {
    const bool is_an_end =
        std::any_of(kEnds.begin(), kEnds.end(), [&](const End& end) { return descriptor.name == end.name; });
    struct stat st{};
    if (is_of_a_socket_unit(descriptor.name)) {
      if (os_.fstat(descriptor.fd.get(), &st) == 0 && FileId{st.st_dev, st.st_ino} != id)
        leave_to_the_end(descriptor);
    } else if (!is_an_end) {
      forget(descriptor.name, "none that this slurper knows");
    }
  }
  for (const End& end : kEnds) {
    if (is_stored(end.name, end.access, id)) continue;
    const auto stale = std::find_if(passed_.begin(), passed_.end(),
                                    [&](const PassedFd& descriptor) { return descriptor.name == end.name; });
    if (stale != passed_.end()) {
      std::string why = describe(stale->fd.get(), id);
      struct stat st{};
      const bool is_another = os_.fstat(stale->fd.get(), &st) == 0 && FileId{st.st_dev, st.st_ino} != id;
      if (is_another && adopt(std::move(stale->fd))) why += ", which is read to its end";
      forget(end.name, why);
    } else if (kept_ != FileId{}) {
      notify_systemd(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", end.name));  // of the FIFO that was replaced
    }
    // A socket unit does not know the FIFO that has replaced its own.
    const bool socket_unit_holds_it = has_socket_unit_ && !socket_unit_is_behind_ && kept_ == FileId{};
    if (systemd_listens() && !socket_unit_holds_it) store(end.name, end.access, id);
  }
  kept_ = id;
  passed_.clear();
}

}  // namespace slurper
