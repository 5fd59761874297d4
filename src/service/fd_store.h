// FdStore: ensures that systemd holds the FIFO open while slurper is down.
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

// Whether a socket unit has passed one of these descriptors. Such a unit starts its service whenever the FIFO
// holds something and slurper does not run. It does so at once, even after a failed start, whatever
// RestartSec= is.
[[nodiscard]] bool has_socket_unit(const std::vector<PassedFd>& passed);

// A pipe's contents live as long as a process has it open. That process is systemd, in one of two ways:
//
// - A socket unit with ListenFIFO=: systemd opens the FIFO, read-write, before slurper, and passes a copy. If
//   it is the FIFO that slurper reads, slurper does not need the copy any more. If that FIFO was removed from
//   the path, or replaced there, the unit holds it until the unit is restarted, and the new FIFO goes to the
//   store.
// - The service's file-descriptor store (FileDescriptorStoreMax=): slurper sends both ends, as "slurper-read"
//   and "slurper-write", and gets them back at its next start. It opens them only for this: flock(2) belongs
//   to the open file description, and the lock must end with slurper's own read end.
//
// A passed descriptor for a replaced FIFO is the last access to its data, so slurper drains it. slurper does
// nothing to any other passed FIFO. Belongs to the intake's thread. A crash loses nothing: systemd holds what
// it was sent.
class FdStore {
 public:
  // `passed`: the result of take_passed_fds(). `os` and `events` outlive it.
  FdStore(Os& os, std::string path, std::vector<PassedFd> passed, EventListener& events);

  // Checks that a socket unit has passed the FIFO at the path, or one that was there. Call this before that
  // FIFO is opened, or created if it is missing: then an error changes nothing. Errors: Config.
  [[nodiscard]] Status check() const;

  // slurper has opened `fifo`, as its first FIFO or as a replacement. systemd must hold that one from now on.
  void keep(const Fifo& fifo);

  // Passed read ends of other FIFOs: they stood at the path before, or an earlier fifo.path named them. Their
  // contents, and what their writers still write, are not lost. They have no keep-alive writer, and are
  // locked.
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
