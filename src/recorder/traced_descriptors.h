// What is behind the descriptors of a process that is traced by ptrace: /proc tells.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/engine.h"
#include "recorder/socket_book.h"
#include "recorder/traced_memory.h"
#include "trace/engine/event.h"

namespace slurper {

// A record with what follows it, in one piece. For one thread.
class RecordBuffer {
 public:
  // Sets the sizes in `record`. Valid until the next call.
  std::string_view join(TraceRecord& record, const CallPieces& pieces);

 private:
  alignas(TraceRecord) char bytes_[sizeof(TraceRecord) + TraceMaxBytes];
};

// A thread may have descriptors of its own, other than its process. Empty if it is not open. The state of a
// pipe stays 0: only the kernel knows it.
[[nodiscard]] TraceObject describe_descriptor(pid_t pid, pid_t tid, int fd, SocketBook::Made made,
                                              SocketBook& sockets);

// The descriptor as RecordFile has it: fills the arguments and the object, and returns its name and what it
// is bound to. An object of no kind: it is not open. A key for the open file stands in args[2], the same for
// every descriptor of one inode.
CallPieces fill_descriptor(pid_t pid, pid_t tid, int fd, SocketBook& sockets, TraceRecord& record);

// The process that the descriptor `pidfd` of a thread stands for; 0 if that is not known.
[[nodiscard]] u64 process_of_pidfd(pid_t tid, int pidfd);

// A bit for each of the first descriptors, set if that is open, as RecordExit has it. Empty if that can't be
// seen.
[[nodiscard]] std::string open_bits(pid_t tid);

// Reports all open files of the processes `pids`, and the other ends of their pipes and AF_UNIX connections
// that `others` have.
void visit_open_files(const std::set<pid_t>& pids, const std::vector<pid_t>& others, SocketBook& sockets,
                      const Engine::Receiver& receiver);

}  // namespace slurper
