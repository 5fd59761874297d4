// Prints a capture, from a file or as it is recorded.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "trace/scap/capture_input.h"
#include "trace/view/trace_view.h"

namespace slurper {

// Where a trace goes. That its reader has left is no failure: `| head`.
class TraceOutput {
 public:
  // A FIFO without a reader or a closed pipe makes write() fail instead of ending the process.
  explicit TraceOutput(int fd);
  // False if not all of it could be written.
  bool write(std::string_view text);
  // Why, as errno has it; 0 if the reader has left.
  [[nodiscard]] int errnum() const { return errnum_ == EPIPE ? 0 : errnum_; }

 private:
  int fd_;
  int errnum_ = 0;
};

// Prints the events of a capture to `out_fd` until the capture ends, or until whoever reads the output has
// gone. `name` is that of the capture, for messages, which go to `err`. Returns the exit status.
int print_capture(CaptureInput input, const std::string& name, ViewRequest request, int out_fd,
                  std::FILE* err);

// The same, to `output`, which knows by itself whether writing has failed.
int print_capture(CaptureInput input, const std::string& name, ViewRequest request, const LineOutput& output,
                  std::FILE* err);

}  // namespace slurper
