// What a capture begins with: the machine, its users, processes and their descriptors.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "recorder/engine.h"
#include "trace/engine/file_table.h"
#include "trace/engine/process_book.h"
#include "trace/engine/unix_connections.h"

namespace slurper {

struct InitialState {
  // The processes that are watched, and may show their arguments.
  std::function<bool(pid_t)> watched;
  ThreadReading reading;
  std::function<void(const TraceRecord&)> use_pipe;  // receives their descriptors of pipes
  pid_t command = 0;                                 // it will lose the descriptors that are closed on exec
};

// Appends the section and its tables. The processes in `book`, the connections and the ports are those of the
// tables.
void append_initial_state(const InitialState& state, Engine& engine, ProcessBook& book,
                          UnixConnections& connections, ListeningPorts& ports, std::string& out);

// `pids` and their descendants.
[[nodiscard]] std::set<pid_t> with_descendants(const std::set<pid_t>& pids);
// These processes, their ancestors (a shell, a terminal, sshd), and who reads what they print (a pager). To
// trace these would be to trace what the trace causes.
[[nodiscard]] std::set<pid_t> carriers_of_output(const std::set<pid_t>& pids);

}  // namespace slurper
