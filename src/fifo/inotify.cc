#include "fifo/inotify.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"

namespace slurper {

namespace {

constexpr std::uint32_t kUsers = IN_OPEN | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;
constexpr std::uint32_t kInode = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
// For a folder itself. IN_ATTRIB must not be in it: that makes every read(2) and write(2) of a file in a
// watched folder look the folder up (the kernel's fsnotify_parent), and costs the FIFO's writers a quarter of
// their throughput.
constexpr std::uint32_t kFolder = IN_MOVE_SELF | IN_DELETE_SELF | IN_MASK_ADD;
// For a symbolic link, or a file in the way. IN_ATTRIB: it has lost one of its names.
constexpr std::uint32_t kNoFolder = kFolder | IN_ATTRIB;
// For names that appear in a folder or disappear from it.
constexpr std::uint32_t kEntries = kFolder | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;
constexpr int kMaxWalks = 10;
constexpr int kMaxLinks = 40;  // as the kernel's MAXSYMLINKS

std::string own_link(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

bool is_at(int fifo_fd, const std::string& path) {
  struct stat here{};
  struct stat there{};
  return ::fstat(fifo_fd, &here) == 0 && ::lstat(path.c_str(), &there) == 0 && here.st_dev == there.st_dev &&
         here.st_ino == there.st_ino;
}

// Puts the components of `path` in front of those that remain. The next one is last.
void put_in_front(std::vector<std::string>& to_go, std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (!name.empty() && name != ".") to_go.emplace_back(name);
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

UniqueFd open_start(std::string_view path) {
  return UniqueFd(::open(path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::optional<std::string> read_link(int link_fd) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(link_fd, "", target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Error cannot_watch(int errnum, const UniqueFd& folder_fd, const std::string& name) {
  std::error_code ignored;  // it fails if the folder has no name any more
  const std::filesystem::path folder = std::filesystem::read_symlink(own_link(folder_fd.get()), ignored);
  return fail_errno(errnum, about_file(PhraseId::WatchPart, (folder / name).string())).error();
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
    const std::string_view name(text, ::strnlen(text, event.len));  // the name is padded with zeros
    buffer = buffer.subspan(size);

    if ((event.mask & IN_Q_OVERFLOW) != 0) events.overflow = true;
    if (event.wd == names.inode) {
      if ((event.mask & IN_OPEN) != 0) ++events.opens;
      if ((event.mask & IN_CLOSE_WRITE) != 0) ++events.write_closes;
      if ((event.mask & IN_CLOSE_NOWRITE) != 0) ++events.read_closes;
      if ((event.mask & IN_ATTRIB) != 0) events.attributes = true;
      if ((event.mask & (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT)) != 0) events.path = true;
    } else if (const auto step = names.steps.find(event.wd); step != names.steps.end()) {
      // An event without a name says that the watched inode itself is gone.
      if (name.empty() ? (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_UNMOUNT)) != 0
                       : step->second.contains(name)) {
        events.path = true;
      }
    }
  }
  return events;
}

Result<FifoInotify> FifoInotify::open() {
  UniqueFd inotify_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify_fd) return FifoInotify(std::move(inotify_fd));
  const int error = errno;
  // EMFILE means that the user has no inotify instance left, or that the process has no descriptor left.
  if (error == EMFILE && UniqueFd(::eventfd(0, EFD_CLOEXEC))) {
    return fail(ErrorKind::Io, PhraseId::WatchFifo, PhraseId::NoInotifyInstance);
  }
  return fail_errno(error, PhraseId::WatchFifo);
}

// Adds the watch through the descriptor, because the path may lead elsewhere by now. Returns -1 with errno
// from inotify_add_watch(2).
int FifoInotify::add(int fd, std::uint32_t mask) const {
  return ::inotify_add_watch(inotify_fd_.get(), own_link(fd).c_str(), mask);
}

void FifoInotify::remove(int watch) const {
  // Fails if the kernel has already removed the watch with its inode.
  if (watch >= 0) (void)::inotify_rm_watch(inotify_fd_.get(), watch);
}

Status FifoInotify::watch_inode(int fifo_fd, std::uint32_t mask) {
  const int watch = add(fifo_fd, mask);
  if (watch < 0) return fail_errno(errno, PhraseId::WatchFifo);
  if (const int before = std::exchange(names_.inode, watch); before != watch) remove(before);
  return {};
}

Status FifoInotify::watch_users(int fifo_fd) {
  return watch_inode(fifo_fd, kUsers);
}

// What a walk sees may have changed before its watch was added. If a second walk finds nothing new to watch,
// everything it saw was watched before it looked: every later change makes an event.
Status FifoInotify::watch_path(int fifo_fd, const std::string& path) {
  const Status inode = watch_inode(fifo_fd, kInode);
  Status steps;
  for (int walk = 0; walk < kMaxWalks; ++walk) {
    WatchedSteps found;
    steps = watch_steps(path, inode && is_at(fifo_fd, path), found);
    const bool same = found == names_.steps;
    for (const auto& [watch, names] : names_.steps) {
      const auto still = found.find(watch);
      // A folder whose names no longer matter gets a new watch, for itself alone.
      if (still == found.end() || (still->second.empty() && !names.empty())) remove(watch);
    }
    names_.steps = std::move(found);
    if (same) break;
  }
  return inode ? steps : inode;
}

// Walks each part of the path from its beginning, and resolves links.
Status FifoInotify::watch_steps(const std::string& path, bool inode_is_watched, WatchedSteps& steps) const {
  Status status;
  std::vector<std::string> to_go;
  put_in_front(to_go, path);
  UniqueFd folder_fd = open_start(path);
  // This is where '..' leads from there.
  if (const int watch = add(folder_fd.get(), kFolder); watch >= 0) steps.try_emplace(watch);
  for (int links = 0; folder_fd && !to_go.empty();) {
    const std::string name = std::move(to_go.back());
    to_go.pop_back();
    const bool is_last = to_go.empty();
    const auto watch_name = [&] {
      if (const int watch = add(folder_fd.get(), kEntries); watch >= 0) {
        steps[watch].insert(name);
      } else {
        status = std::unexpected(cannot_watch(errno, folder_fd, name));
      }
    };
    if (is_last) {  // never followed
      if (!inode_is_watched) watch_name();
      break;
    }
    UniqueFd next_fd(::openat(folder_fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st{};
    if (!next_fd || ::fstat(next_fd.get(), &st) != 0) {
      const int error = errno;
      watch_name();
      if (error != ENOENT) status = std::unexpected(cannot_watch(error, folder_fd, name));
      break;
    }
    if (const int watch = add(next_fd.get(), S_ISDIR(st.st_mode) ? kFolder : kNoFolder); watch >= 0) {
      steps.try_emplace(watch);
    } else {
      watch_name();
    }
    if (S_ISDIR(st.st_mode)) {
      folder_fd = std::move(next_fd);
      continue;
    }
    const auto target = S_ISLNK(st.st_mode) ? read_link(next_fd.get()) : std::nullopt;
    if (!target || ++links > kMaxLinks) break;  // it is in the way until it disappears
    put_in_front(to_go, *target);
    if (target->starts_with('/')) folder_fd = open_start(*target);
  }
  if (!folder_fd) return fail_errno(errno, about_file(PhraseId::WatchPart, path));
  return status;
}

FifoEvents FifoInotify::read() {
  reader_.assert_is_caller();
  FifoEvents events;
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (ssize_t size; (size = ::read(inotify_fd_.get(), buffer.data(), buffer.size())) > 0;)
    events += decode_events(std::span(buffer.data(), static_cast<std::size_t>(size)), names_);
  return events;
}

Result<MountWatch> MountWatch::open() {
  UniqueFd mountinfo_fd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!mountinfo_fd) return fail_errno(errno, PhraseId::WatchFifo);
  return MountWatch(std::move(mountinfo_fd));
}

}  // namespace slurper
