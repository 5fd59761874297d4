// PipeCalls: which events of a capture move bytes into a pipe or out of it.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/flow/transfer.h"
#include "trace/model/model.h"

namespace slurper {

// One side of a call: splice(2) has two.
struct PipeSide {
  bool is_write = false;
  std::int64_t fd = -1;
  OpenFilePointer file;
  // What is known of it: at the beginning, no length and no data.
  PipeTransfer call;
  // Of the end of a read: it returned no bytes, for the pipe was empty.
  bool found_empty = false;
};

[[nodiscard]] bool is_pipe(const OpenFile& file);

// The sides of the call that begins or ends with the event, or of which the event has the result. Empty if it
// moves no bytes of a pipe. Of an end, `begin` is 0 if the capture lacks the beginning.
[[nodiscard]] std::vector<PipeSide> pipe_sides(const TraceEvent& event);

}  // namespace slurper
