#include "recorder/current_call.h"

#include <algorithm>

#include "proc/current_syscall.h"
#include "recorder/traced_memory.h"
#include "trace/engine/call_shape.h"

namespace slurper {

RecordView CurrentCall::view() const {
  RecordView view;
  view.record = &record;
  view.path = path;
  return view;
}

std::optional<CurrentCall> current_call(pid_t pid, pid_t tid) {
  const auto now = current_syscall(pid, tid);
  if (!now) return std::nullopt;
  CurrentCall call;
  call.record.kind = RecordEnter;
  call.record.tid = static_cast<u32>(tid);
  call.record.pid = static_cast<u32>(pid);
  call.record.nr = static_cast<u16>(now->number);
  std::ranges::copy(now->arguments, call.record.args);
  static const auto shapes = shapes_by_number();
  const bool opens = call.record.nr < shapes.size() && (shapes[call.record.nr].flags & ShapeOpens) != 0;
  if (opens) call.path = TracedMemory(tid).text(call.record.args[shapes[call.record.nr].path - 1]);
  return call;
}

}  // namespace slurper
