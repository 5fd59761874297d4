// Descriptors that one process passes to another in control messages (SCM_RIGHTS).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/engine/event.h"
#include "trace/engine/param_plan.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

struct SentDescriptor {
  std::uint64_t passing = 0;  // a number of its own, from 1 on
  std::int64_t fd = -1;
  std::int64_t pid = -1;
};

// Finds the sender of what is received. For one thread.
class PassedDescriptors {
 public:
  // The thread is about to send it.
  void note(const TraceRecord& sent);
  // What the thread sent in the call that has ended.
  [[nodiscard]] std::vector<SentDescriptor> take(std::uint32_t tid);
  // Who sent it last; passing 0 if that is not known.
  [[nodiscard]] SentDescriptor sender_of(const TraceRecord& received) const;

 private:
  std::unordered_map<std::uint64_t, SentDescriptor> by_key_;
  std::unordered_map<std::uint32_t, std::vector<SentDescriptor>> by_tid_;
  std::uint64_t last_ = 0;
};

// What /proc says of the descriptor, where the record lacks it: its name, as in a table of open files, or
// empty if something else has the number by now.
[[nodiscard]] std::string name_in_proc(std::uint32_t tid, std::int64_t fd, const TraceObject& object);

// An exit of a call that makes such a descriptor. sysdig knows none that receives one.
struct OpeningEvents {
  std::uint16_t enter_type = 0;  // 0: sysdig has no call for it
  ScapParams enter;
  ScapParams exit;
};
// `tuple`: of a socket, as tuple_value() gives it.
[[nodiscard]] OpeningEvents opening_of(const ScapFd& fd, std::string_view tuple);

}  // namespace slurper
