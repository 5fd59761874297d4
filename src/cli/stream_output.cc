#include "cli/stream_output.h"

#include <csignal>

#include "base/os.h"

namespace slurper {

StreamOutput::StreamOutput(int fd) : fd_(fd) {
  (void)std::signal(SIGPIPE, SIG_IGN);  // write(2) says EPIPE instead
}

bool StreamOutput::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = kernel().write(fd_, text.data(), text.size());
    if (count < 0) {
      errnum_ = static_cast<int>(-count);
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace slurper
