// All open files at one moment, and who shares which.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "recorder/engine.h"
#include "trace/engine/file_table.h"

namespace slurper {

// As the engine sees them: ptrace sees those of the listed processes, and the other ends of these.
class OpenFiles {
 public:
  // Adds the ports on which sockets listen.
  OpenFiles(Engine& engine, ListeningPorts& ports);

  template <typename Use>
  void each(pid_t pid, Use use) const {
    const auto found = by_pid_.find(pid);
    if (found == by_pid_.end()) return;
    for (const std::string& bytes : found->second) use(view_of(bytes));
  }
  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  std::map<pid_t, std::vector<std::string>> by_pid_;
};

// The pipes and connections of some processes.
class SharedFiles {
 public:
  SharedFiles(const OpenFiles& files, const std::function<bool(pid_t)>& is_chosen);
  // Whether the process has an end of one of them open, be it the same end.
  [[nodiscard]] bool has_end_in(pid_t pid) const;
  // Whether it has the other end of one of them open: what it reads comes from the processes, or what it
  // writes goes to them.
  [[nodiscard]] bool has_other_end_in(pid_t pid) const;

 private:
  using Ends = std::pair<std::string, std::string>;  // local and remote: protocol, address and port

  struct Access {
    bool reads = false;
    bool writes = false;
  };

  void add(const RecordView& file);
  [[nodiscard]] bool is_end(const TraceObject& object) const;
  [[nodiscard]] bool is_other_end(const RecordView& file) const;
  static Access access_of(const RecordView& file);

  const OpenFiles& files_;
  std::unordered_map<std::uint64_t, Access> pipes_;  // by inode
  std::unordered_set<std::uint64_t> keys_;           // of AF_UNIX sockets
  std::unordered_set<std::uint64_t> peer_keys_;      // to which these are connected: /dev/log has many
  std::set<Ends> connections_;
};

}  // namespace slurper
