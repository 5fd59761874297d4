// slurper inspect --watch: the same again each second, with rates.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/screen_text.h"
#include "cli/inspect_text.h"

namespace slurper {

// One pipe as it changes. Used by one thread.
class PipeWatch {
 public:
  // A screen of at most `size.rows` lines of at most `size.columns` characters. `seconds`: since the last.
  [[nodiscard]] std::string screen(const InspectedPipe& pipe, ScreenSize size, double seconds);
  // One line, without a newline, for an output that is no terminal: with all findings, and with what the
  // readers and the writers together move in all their files.
  [[nodiscard]] std::string line(const InspectedPipe& pipe, const std::string& time, double seconds);

 private:
  struct Moved {
    std::uint64_t read = 0;
    std::uint64_t written = 0;
  };
  std::map<ProcessId, Moved> moved_since(const PipeFacts& facts);

  std::map<ProcessId, Moved> before_;
};

// Shows `target`, or all FIFOs without one, until the output's reader has left. Fails as inspect_pipe(), or
// if it cannot write.
[[nodiscard]] Status watch_pipes(const std::optional<std::string>& target, int out_fd);

}  // namespace slurper
