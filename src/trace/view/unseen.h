// Unseen: processes that read or write without calls, of which no trace shows anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace/model/model.h"

namespace slurper {

// One thread uses it.
class Unseen {
 public:
  // Takes each event, slurper's own included: the calls that prepare it tell.
  void take(const TraceEvent& event);
  // What there is to say of the event's process, once for each kind: "unseen mapping=/tmp/x: …". The owner
  // asks when it shows an event of the process.
  [[nodiscard]] std::vector<std::string> take_notes(const TraceEvent& event);
  // A process that has ended is forgotten: another one may get its id.
  void finish(const TraceEvent& event);

 private:
  struct Process {
    bool uses_io_uring = false;
    bool has_mapping = false;
    std::vector<std::string> notes;  // to be said
  };
  void take_mapping(const TraceEvent& event);
  void take_name(const TraceEvent& event, std::string_view name);

  std::unordered_map<std::int64_t, Process> by_pid_;
};

}  // namespace slurper
