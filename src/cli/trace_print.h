// Prints a capture, from a file or as it is recorded.
#pragma once

#include <cstdio>
#include <string>

#include "trace/scap/capture_input.h"
#include "trace/view/trace_view.h"

namespace slurper {

// Prints the events of a capture to `out_fd` until the capture ends, or until whoever reads the output has
// gone. `name` is that of the capture, for messages, which go to `err`. Returns the exit status.
int print_capture(CaptureInput input, const std::string& name, ViewRequest request, int out_fd,
                  std::FILE* err);

// The same, to `output`, which knows by itself whether writing has failed.
int print_capture(CaptureInput input, const std::string& name, ViewRequest request, const LineOutput& output,
                  std::FILE* err);

}  // namespace slurper
