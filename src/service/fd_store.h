// FdStore: sees to it that systemd holds the FIFO open while slurper is down.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event.h"
#include "base/os.h"
#include "fifo/fifo.h"
#include "service/sd_notify.h"
#include "slurper/result.h"

namespace slurper {

// Whether a socket unit has passed one of them. Such a unit starts its service whenever the FIFO holds
// something and no slurper runs: at once, and again at once when a start has failed, whatever RestartSec=
// says.
[[nodiscard]] bool has_socket_unit(const std::vector<PassedFd>& passed);

// What is in a pipe lives as long as a process has it open. That is systemd, in one of two ways:
//
// - A socket unit with ListenFIFO=: systemd opens the FIFO, read-write, before slurper, and passes a copy. It
//   must be the FIFO that slurper is to read; then it is not needed any more. Or one that was removed from
//   the path, or replaced there: the unit holds that one until it is restarted, and the new one goes to the
//   store.
// - The service's file-descriptor store (FileDescriptorStoreMax=): slurper sends both ends, as
//   "slurper-read" and "slurper-write", and gets them back at its next start. They are opened for it alone:
//   flock(2) belongs to the open file description, and the lock on slurper's own read end must go with it.
//
// What was passed and is of another FIFO than the one at the path is the only way left to what that one
// holds: it is read to its end. To all others nothing is ever done. Belongs to the intake's thread. A crash
// loses nothing: what has been sent is systemd's.
class FdStore {
 public:
  // `passed`: what take_passed_fds() gave. `os` and `events` outlive it.
  FdStore(Os& os, std::string path, std::vector<PassedFd> passed, EventListener& events);

  // Whether a socket unit has passed the FIFO at the path, or one that was there. Before that is opened, or
  // made where it is missing: nothing is changed on an error. Errors: Config.
  [[nodiscard]] Status check() const;

  // slurper has opened `fifo`, for the first time or in another's place: that one is to be held from now on.
  void keep(const Fifo& fifo);

  // Read ends that were passed and are of another FIFO: it stood at the path before, or fifo.path named it.
  // What is in it, and what its writers still write, is not lost. Without the keep-alive writer, locked.
  [[nodiscard]] std::vector<Fifo> take_former() { return std::exchange(former_, {}); }

  [[nodiscard]] bool has_socket_unit() const { return has_socket_unit_; }

 private:
  using FileId = std::pair<dev_t, ino_t>;

  [[nodiscard]] std::optional<FileId> file_at_path() const;
  [[nodiscard]] bool was_at_path(const PassedFd& descriptor) const;
  [[nodiscard]] bool is_stored(const char* name, int access, const FileId& id) const;
  void store(const char* name, int access, const FileId& id);
  void forget(const std::string& name, const std::string& why);
  bool adopt(UniqueFd read_fd);
  void leave_to_the_end(const PassedFd& descriptor);
  [[nodiscard]] std::string describe(int fd, const FileId& wanted) const;

  Os& os_;
  std::string path_;
  std::vector<PassedFd> passed_;
  EventListener& events_;
  bool has_socket_unit_ = false;
  bool socket_unit_is_behind_ = false;  // it holds a FIFO that is no longer at the path
  FileId kept_{};                       // the FIFO whose ends are in the store
  std::vector<Fifo> former_;
};

}  // namespace slurper
