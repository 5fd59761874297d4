#include "daemon/fifo_holder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace slurper {

namespace {

struct End {
  const char* name;
  int access;
};
constexpr std::array kEnds = {End{"slurper-read", O_RDONLY}, End{"slurper-write", O_WRONLY}};

// As slurper.socket names its descriptor, or as systemd does where the unit does not: after the unit.
bool is_of_a_socket_unit(std::string_view name) {
  return name == "fifo" || name.ends_with(".socket");
}

}  // namespace

bool has_socket_unit(const std::vector<PassedFd>& passed) {
  return std::any_of(passed.begin(), passed.end(),
                     [](const PassedFd& descriptor) { return is_of_a_socket_unit(descriptor.name); });
}

FifoHolder::FifoHolder(Os& os, std::string path, std::vector<PassedFd> passed)
    : os_(os),
      path_(std::move(path)),
      passed_(std::move(passed)),
      has_socket_unit_(slurper::has_socket_unit(passed_)) {
  for (const PassedFd& descriptor : passed_) {
    // One that was stored with the lock of a slurper that is gone would lock this one out.
    (void)os_.flock(descriptor.fd.get(), LOCK_UN);
  }
}

std::string FifoHolder::describe(int fd, const FileId& wanted) const {
  struct stat st{};
  if (os_.fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) return "not a FIFO";
  if (FileId{st.st_dev, st.st_ino} == wanted) return "not the end that it should be";
  const int held = os_.fionread(fd);
  return fmt::format(
      "another FIFO (device {}, inode {}{})", st.st_dev, st.st_ino,
      held > 0 ? fmt::format(", holding {}", format_rounded(ByteSize{static_cast<std::uint64_t>(held)}))
               : "");
}

Status FifoHolder::check() const {
  for (const PassedFd& descriptor : passed_) {
    if (!is_of_a_socket_unit(descriptor.name)) continue;
    struct stat st{};
    struct stat at_path{};
    if (os_.fstat(descriptor.fd.get(), &st) == 0 && S_ISFIFO(st.st_mode) &&
        os_.lstat(path_.c_str(), &at_path) == 0 && at_path.st_dev == st.st_dev &&
        at_path.st_ino == st.st_ino) {
      continue;
    }
    return fail(
        ErrorKind::Config, "read the FIFO " + in_quotes(path_),
        fmt::format("the socket unit has passed the descriptor '{}', which is {}", printable(descriptor.name),
                    describe(descriptor.fd.get(), {})),
        "Nothing was changed. Its ListenFIFO= and fifo.path must name the same path; where they do, the "
        "FIFO there has been removed or replaced: restart the socket unit");
  }
  return {};
}

bool FifoHolder::is_stored(const char* name, int access, const FileId& id) const {
  bool found = false;
  for (const PassedFd& descriptor : passed_) {
    if (descriptor.name != name) continue;
    struct stat st{};
    const bool fits = os_.fstat(descriptor.fd.get(), &st) == 0 && FileId{st.st_dev, st.st_ino} == id &&
                      (os_.fcntl(descriptor.fd.get(), F_GETFL, 0) & O_ACCMODE) == access;
    if (!fits) return false;  // systemd forgets all of a name together
    found = true;
  }
  return found;
}

void FifoHolder::forget(const std::string& name, const std::string& why) {
  spdlog::warn("the file-descriptor store holds '{}', which is {}: removed from it", printable(name), why);
  notify_systemd("FDSTOREREMOVE=1\nFDNAME=" + name);
}

// True where `descriptor` is the read end of a FIFO that no other slurper reads.
bool FifoHolder::adopt(PassedFd& descriptor) {
  const int fd = descriptor.fd.get();
  struct stat st{};
  if (os_.fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
      (os_.fcntl(fd, F_GETFL, 0) & O_ACCMODE) != O_RDONLY || os_.flock(fd, LOCK_EX | LOCK_NB) < 0) {
    return false;
  }
  Fifo fifo;
  fifo.device = st.st_dev;
  fifo.inode = st.st_ino;
  fifo.pipe_size = static_cast<std::uint64_t>(std::max(os_.fcntl(fd, F_GETPIPE_SZ, 0), 0));
  fifo.read_fd = std::move(descriptor.fd);
  former_.push_back(std::move(fifo));
  return true;
}

void FifoHolder::store(const char* name, int access, const FileId& id) {
  const UniqueFd end(os_.open(path_.c_str(), access | O_NONBLOCK | O_NOFOLLOW));
  struct stat st{};
  // Replaced just now: whoever notices that calls keep() for the new one.
  if (!end || os_.fstat(end.get(), &st) < 0 || FileId{st.st_dev, st.st_ino} != id) return;
  // FDPOLL=0: an end whose other side is closed for a moment shows POLLHUP, and systemd would drop it.
  notify_systemd(fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name), end.get());
}

void FifoHolder::keep(const Fifo& fifo) {
  const FileId id{fifo.device, fifo.inode};
  if (id == kept_) return;
  for (const PassedFd& descriptor : passed_) {
    const bool is_an_end =
        std::any_of(kEnds.begin(), kEnds.end(), [&](const End& end) { return descriptor.name == end.name; });
    if (!is_an_end && !is_of_a_socket_unit(descriptor.name)) {
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
      if (is_another && adopt(*stale)) why += ", which is read to its end";
      forget(end.name, why);
    } else if (kept_ != FileId{}) {
      notify_systemd(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", end.name));  // of the FIFO that was replaced
    }
    // A socket unit knows nothing of the FIFO that has replaced its own.
    if (systemd_listens() && (!has_socket_unit_ || kept_ != FileId{})) store(end.name, end.access, id);
  }
  kept_ = id;
  passed_.clear();
}

}  // namespace slurper
