#include "control/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file_kind.h"
#include "ring/ring_directory.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxName = 80;  // that of the setting control.path
constexpr int kBacklog = 16;
// A predecessor with the same FIFO has ended before: its lock on the FIFO comes first.
constexpr std::chrono::milliseconds kPatienceWithLock{100};
constexpr std::string_view kEnd = ".control";

UniqueFd make_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// An address has room for 107 bytes (unix(7)): a longer path is reached through its folder's descriptor.
class Address {
 public:
  explicit Address(const std::string& path) {
    if (path.size() < sizeof address_.sun_path) {
      set(path);
      return;
    }
    const std::size_t slash = path.rfind('/');
    folder_fd_.reset(::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder_fd_) {
      errnum_ = errno;
    } else {
      set(fmt::format("/proc/self/fd/{}/{}", folder_fd_.get(), path.substr(slash + 1)));
    }
  }

  // 0, or the errno because of which there is no address.
  [[nodiscard]] int errnum() const { return errnum_; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] static constexpr socklen_t size() { return sizeof(sockaddr_un); }

 private:
  void set(const std::string& path) {
    if (path.size() >= sizeof address_.sun_path) {
      errnum_ = ENAMETOOLONG;
      return;
    }
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }

  sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
  UniqueFd folder_fd_;
  int errnum_ = 0;
};

// Returns 0 or an errno.
int connect_to(int fd, const std::string& path) {
  const Address address(path);
  if (address.errnum() != 0) return address.errnum();
  return ::connect(fd, address.get(), Address::size()) == 0 ? 0 : errno;
}

// Removes what a killed slurper has left at `path`. For the holder of the lock.
Status make_way(Os& os, const std::string& path, const Phrase& what) {
  struct stat st{};
  if (const int error = os.lstat(path.c_str(), &st); error < 0)
    return error == -ENOENT ? Status() : fail_errno(-error, what);
  if (!S_ISSOCK(st.st_mode))
    return fail(ErrorKind::CantCreate, what,
                {PhraseId::NotASocket, {{"found", what_stands_at(path, st.st_mode)}}});
  const UniqueFd probe_fd = make_socket();
  if (!probe_fd) return fail_errno(errno, what);
  // A socket whose queue is full (EAGAIN) is busy, not dead.
  if (connect_to(probe_fd.get(), path) != ECONNREFUSED)
    return fail(ErrorKind::Busy, what, PhraseId::ListenedTo);
  if (const int error = os.unlink(path.c_str()); error < 0 && error != -ENOENT)
    return fail_errno(-error, what);
  return {};
}

}  // namespace

std::string control_path(const std::string& configured, const std::string& ring_folder,
                         bool ring_is_configured) {
  if (!configured.empty()) return configured;
  if (ring_is_configured) return ring_folder + "/control";
  const std::size_t slash = ring_folder.rfind('/');
  const std::string name = ring_folder.substr(slash + 1);
  return ring_folder.substr(0, slash + 1) + shortened_name(name, name, kMaxName - kEnd.size()) +
         std::string(kEnd);
}

bool has_address(const std::string& path) {
  constexpr std::string_view kLongestFolder = "/proc/self/fd/1000000/";
  return path.size() < sizeof sockaddr_un::sun_path ||
         kLongestFolder.size() + path.size() - (path.rfind('/') + 1) < sizeof sockaddr_un::sun_path;
}

Result<UniqueFd> connect_to_control(const std::string& path) {
  const Phrase what = about_file(PhraseId::AskSlurper, path);
  UniqueFd fd = make_socket();
  if (!fd) return fail_errno(errno, what);
  if (const int errnum = connect_to(fd.get(), path); errnum != 0) {
    if (errnum != ECONNREFUSED) return fail_errno(errnum, what);
    Error error = fail(ErrorKind::NoInput, what, PhraseId::NotListenedTo).error();
    error.errnum = errnum;
    return std::unexpected(std::move(error));
  }
  return fd;
}

Result<ControlSocket> ControlSocket::listen(Os& os, const std::string& path) {
  const Phrase what = about_file(PhraseId::MakeControlSocket, path);
  Result<LockFile> lock =
      LockFile::acquire(os, path + ".lock", ::geteuid(), LockFile::AtRelease::Remove, kPatienceWithLock);
  if (!lock) {
    if (lock.error().kind == ErrorKind::Busy) return fail(ErrorKind::Busy, what, PhraseId::ListenedTo);
    Error error = lock.error();
    error.advice = PhraseId::SetControlPath;
    return std::unexpected(std::move(error));
  }
  if (Status free = make_way(os, path, what); !free) return std::unexpected(free.error());
  ControlSocket made(std::move(*lock), make_socket(), path);
  if (!made.fd_) return fail_errno(errno, what);
  const Address address(path);
  if (address.errnum() != 0)
    return fail_errno(address.errnum(), PhraseId::ChooseControlSocket, PhraseId::SetControlPath);
  if (::bind(made.fd(), address.get(), Address::size()) != 0) return fail_errno(errno, what);
  // No process can connect before listen(2), whatever mode the umask has left.
  struct stat st{};
  if (::chmod(path.c_str(), 0660) != 0 || ::lstat(path.c_str(), &st) != 0) return fail_errno(errno, what);
  made.device_ = st.st_dev;
  made.inode_ = st.st_ino;
  made.group_ = st.st_gid;
  if (::listen(made.fd(), kBacklog) != 0) return fail_errno(errno, what);
  return made;
}

ControlSocket::~ControlSocket() {
  struct stat st{};
  if (fd_ && inode_ != 0 && ::lstat(path_.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_)
    (void)::unlink(path_.c_str());  // if it fails, the next slurper replaces it
}

std::optional<Asker> ControlSocket::asker(int client_fd) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  const Asker asker{.uid = peer.uid, .pid = peer.pid, .may_change = peer.uid == 0 || peer.uid == ::geteuid()};
  if (asker.may_change || peer.gid == group_) return asker;
  std::vector<gid_t> groups(64);
  for (;;) {
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(client_fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) break;
    if (errno != ERANGE) return std::nullopt;
    groups.resize(size / sizeof(gid_t));
  }
  groups.resize(size / sizeof(gid_t));
  return std::ranges::find(groups, group_) != groups.end() ? std::optional(asker) : std::nullopt;
}

}  // namespace slurper
