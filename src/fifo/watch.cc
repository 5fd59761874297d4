#include "fifo/watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr std::uint32_t kVisitors = IN_OPEN | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;
constexpr std::uint32_t kInode = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
// IN_ATTRIB: something else at the path that becomes permitted.
constexpr std::uint32_t kFolder = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

bool is_at(int fifo_fd, const std::string& path) {
  struct stat here{};
  struct stat there{};
  return ::fstat(fifo_fd, &here) == 0 && ::lstat(path.c_str(), &there) == 0 && here.st_dev == there.st_dev &&
         here.st_ino == there.st_ino;
}

}  // namespace

FifoEvents& FifoEvents::operator+=(const FifoEvents& other) {
  opens += other.opens;
  write_closes += other.write_closes;
  read_closes += other.read_closes;
  attributes |= other.attributes;
  path |= other.path;
  overflow |= other.overflow;
  return *this;
}

FifoEvents decode_events(std::span<const char> buffer, const WatchedNames& names) {
  FifoEvents events;
  while (buffer.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, buffer.data(), sizeof event);
    const std::size_t size = sizeof event + event.len;
    if (size > buffer.size()) break;  // never comes from the kernel
    const char* const text = buffer.data() + sizeof event;
    const std::string_view name(text, ::strnlen(text, event.len));  // padded with zeros
    buffer = buffer.subspan(size);

    if ((event.mask & IN_Q_OVERFLOW) != 0) events.overflow = true;
    if (event.wd == names.inode) {
      if ((event.mask & IN_OPEN) != 0) ++events.opens;
      if ((event.mask & IN_CLOSE_WRITE) != 0) ++events.write_closes;
      if ((event.mask & IN_CLOSE_NOWRITE) != 0) ++events.read_closes;
      if ((event.mask & IN_ATTRIB) != 0) events.attributes = true;
      if ((event.mask & (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT)) != 0) events.path = true;
    } else if (event.wd == names.folder) {
      // Without a name it is the folder itself that is gone.
      if (name.empty() ? (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0
                       : name == names.name) {
        events.path = true;
      }
    }
  }
  return events;
}

Result<FifoWatch> FifoWatch::open() {
  UniqueFd inotify_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_fd) {
    return fail_errno(errno, "watch the FIFO",
                      errno == EMFILE ? "Raise fs.inotify.max_user_instances (sysctl)" : "");
  }
  return FifoWatch(std::move(inotify_fd));
}

void FifoWatch::replace(int& watch, int by) const {
  const int old = std::exchange(watch, by);
  // Fails where the kernel has removed it already, with its inode.
  if (old >= 0 && old != by) (void)::inotify_rm_watch(inotify_fd_.get(), old);
}

Status FifoWatch::watch_inode(int fifo_fd, std::uint32_t mask) {
  // Through the descriptor: the path may lead elsewhere by now.
  const std::string link = fmt::format("/proc/self/fd/{}", fifo_fd);
  const int watch = ::inotify_add_watch(inotify_fd_.get(), link.c_str(), mask);
  if (watch < 0) {
    return fail_errno(errno, "watch the FIFO",
                      errno == ENOSPC ? "Raise fs.inotify.max_user_watches (sysctl)" : "");
  }
  replace(names_.inode, watch);
  return {};
}

Status FifoWatch::watch_visitors(int fifo_fd) {
  return watch_inode(fifo_fd, kVisitors);
}

Status FifoWatch::watch_path(int fifo_fd, const std::string& path) {
  if (Status watched = watch_inode(fifo_fd, kInode); !watched) return watched;
  // A watched folder makes every read(2) and write(2) of what is in it look the folder up: a quarter of a
  // writer's throughput. So it is watched only while something else, or nothing, is at the path: else
  // whatever happens to the path happens to the inode.
  if (is_at(fifo_fd, path)) {
    replace(names_.folder, -1);
    return {};
  }
  std::string below = path;
  for (int attempt = 0;;) {
    const std::size_t slash = below.rfind('/');
    const std::string folder = slash == 0 ? "/" : slash == std::string::npos ? "." : below.substr(0, slash);
    const int watch = ::inotify_add_watch(inotify_fd_.get(), folder.c_str(), kFolder);
    if (watch >= 0) {
      replace(names_.folder, watch);
      names_.name = slash == std::string::npos ? below : below.substr(slash + 1);
      // It may have come between the look for it and the watch of the one above.
      if (below == path || ::access(below.c_str(), F_OK) != 0 || ++attempt == 10) return {};
      below = path;
    } else if (errno == ENOENT && folder != "/" && folder != ".") {
      below = folder;
    } else {
      return fail_errno(errno, fmt::format("watch the FIFO's folder '{}'", printable(folder)),
                        errno == EACCES ? "slurper must be allowed to read it" : "");
    }
  }
}

FifoEvents FifoWatch::read() {
  FifoEvents events;
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (ssize_t size; (size = ::read(inotify_fd_.get(), buffer.data(), buffer.size())) > 0;)
    events += decode_events(std::span(buffer.data(), static_cast<std::size_t>(size)), names_);
  return events;
}

}  // namespace slurper
