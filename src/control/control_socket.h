// ControlSocket: the unix(7) socket at which a slurper answers.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/lock_file.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// The path of the control socket: `configured` (control.path), or else a name for the log. Beside the ring's
// folder if that is a default one, as in /run/slurper/var-log-slurper-messages.control, and in it if the
// setting ring.directory names it.
[[nodiscard]] std::string control_path(const std::string& configured, const std::string& ring_folder,
                                       bool ring_is_configured);

// Whether the address of a socket has room for `path` (unix(7)), of which only the name counts.
[[nodiscard]] bool has_address(const std::string& path);

// Connects to the socket at `path`, of any length. Waits for nothing: a socket whose queue is full fails with
// EAGAIN. Errors: from connect(2), about `path`.
[[nodiscard]] Result<UniqueFd> connect_to_control(const std::string& path);

// Who asks, as the kernel knows it (SO_PEERCRED).
struct Asker {
  uid_t uid = 0;
  pid_t pid = 0;
  bool may_change = false;  // root, or slurper's own user: the others may ask for the status alone
};

// Listens with mode 0660, so that root, slurper's user and the members of its group may connect. A lock file
// beside it, PATH.lock, belongs to the slurper that listens: it outlives neither this object nor the process.
// A SIGKILL leaves the socket's file, which the next slurper replaces: only the holder of the lock does so,
// only if no process listens (ECONNREFUSED), and only if it is a socket.
//
// One thread at a time.
class ControlSocket {
 public:
  // `os` outlives it. Errors: Busy (another process listens there), CantCreate (what stands there is no
  // socket), or the kind of the errno.
  [[nodiscard]] static Result<ControlSocket> listen(Os& os, const std::string& path);
  ControlSocket(ControlSocket&&) = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  // Removes the socket's file, if it is still this one.
  ~ControlSocket();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Who is connected to `client_fd`, if this process may answer: root, its own user, a member of the socket's
  // group. The mode says the same, unless another process has changed it.
  [[nodiscard]] std::optional<Asker> asker(int client_fd) const;

 private:
  ControlSocket(LockFile lock, UniqueFd fd, std::string path)
      : lock_(std::move(lock)), fd_(std::move(fd)), path_(std::move(path)) {}

  LockFile lock_;
  UniqueFd fd_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  gid_t group_ = 0;
};

}  // namespace slurper
