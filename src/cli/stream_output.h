// StreamOutput: writes text to a descriptor.
#pragma once

#include <cerrno>
#include <string_view>

namespace slurper {

// Where text goes. That its reader has left is no failure: `| head`.
class StreamOutput {
 public:
  // A FIFO without a reader or a closed pipe makes write() fail instead of ending the process.
  explicit StreamOutput(int fd);
  // False if not all of it could be written.
  bool write(std::string_view text);
  // Why, as errno has it; 0 if the reader has left.
  [[nodiscard]] int errnum() const { return errnum_ == EPIPE ? 0 : errnum_; }

 private:
  int fd_;
  int errnum_ = 0;
};

}  // namespace slurper
