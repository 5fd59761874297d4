// What a process is doing at the moment, as far as a pipe that it has open is concerned.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proc/process_facts.h"

namespace slurper {

struct Activity {
  enum class Kind : std::uint8_t { Unknown, Gone, Running, Asleep, Stopped, Traced, Zombie };
  Kind kind = Kind::Unknown;
  std::string call = {};  // "write"; empty: unknown, or none
  int fd = -1;            // on which, if that is a descriptor of the pipe
  bool reads_it = false;
  bool writes_it = false;
};

// `pipe_fds` are the descriptors that the process has of the pipe. Of several threads, the one counts that
// reads or writes the pipe, else the main thread.
[[nodiscard]] Activity activity_of(const ProcessFacts& process, std::span<const int> pipe_fds);

// "asleep in write(2)", "stopped", "running".
[[nodiscard]] std::string text_of(const Activity& activity);

}  // namespace slurper
