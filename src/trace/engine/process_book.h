// ProcessBook: what the events of processes say beyond what a record has.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/engine/event.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

// Reads a process's own thread entry from /proc: of the thread `tid`, or of the process itself. Fields stay
// empty if it has ended, or may not be read. `with_args`: its arguments, too; `with_env`: its environment.
struct ThreadReading {
  bool with_args = true;
  bool with_env = false;
};
[[nodiscard]] ScapThread read_thread(pid_t pid, pid_t tid, ThreadReading what);

// Who a thread is.
struct ThreadIdentity {
  std::uint32_t ruid = 0;
  std::uint32_t euid = 0;
  std::uint32_t suid = 0;
  std::uint32_t fsuid = 0;
  std::uint32_t rgid = 0;
  std::uint32_t egid = 0;
  std::uint32_t loginuid = 0;
  [[nodiscard]] bool operator==(const ThreadIdentity&) const = default;
};
// Of the moment. Empty if the thread has ended.
[[nodiscard]] std::optional<ThreadIdentity> read_identity(pid_t tid);
// That of the thread when it made the record.
[[nodiscard]] ThreadIdentity identity_of(const TraceRecord& record);

// The process of a thread; `tid` itself if the thread has ended.
[[nodiscard]] pid_t process_of(pid_t tid);

// The ids of the threads of a process, and of all processes.
[[nodiscard]] std::vector<pid_t> thread_ids(pid_t pid);
[[nodiscard]] std::vector<pid_t> process_ids();

// Processes by id, main threads only. For one thread.
class ProcessBook {
 public:
  explicit ProcessBook(ThreadReading reading) : reading_(reading) {}

  void add(ScapThread process) { by_pid_[process.pid] = std::move(process); }
  [[nodiscard]] bool knows(std::int64_t pid) const { return by_pid_.contains(pid); }
  // Reads /proc if the process is not known yet.
  ScapThread& find(std::int64_t pid);
  // The child has what its parent has, until it executes something.
  ScapThread& fork(std::int64_t parent, std::int64_t child);
  // Its working directory may have changed.
  void read_cwd(std::int64_t pid);
  void remove(std::int64_t pid) { by_pid_.erase(pid); }

  // The threads that the capture's reader knows. False if it was known.
  bool add_thread(std::int64_t pid, std::int64_t tid) { return threads_.emplace(tid, pid).second; }
  void remove_thread(std::int64_t tid) { threads_.erase(tid); }
  void remove_threads_of(std::int64_t pid) {
    std::erase_if(threads_, [pid](const auto& thread) { return thread.second == pid; });
  }

 private:
  ThreadReading reading_;
  std::unordered_map<std::int64_t, ScapThread> by_pid_;
  std::unordered_map<std::int64_t, std::int64_t> threads_;  // to the process of each
};

}  // namespace slurper
