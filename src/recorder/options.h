// The command line of slurper-trace.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trace/scap/capture_output.h"

namespace slurper {

// By which means calls are traced. Automatic: by BPF if that is available, else by ptrace.
enum class EngineChoice : std::uint8_t { Automatic, Bpf, Ptrace };

struct RecorderOptions {
  std::string fifo;
  std::string unit;  // of systemd, with its suffix
  std::vector<pid_t> pids;
  std::vector<std::string> command;
  std::string user;  // that runs the command; empty: the caller
  EngineChoice engine = EngineChoice::Automatic;
  bool all_calls = false;
  bool peers = false;
  bool with_environment = false;
  bool shows_progress = false;  // on standard error, if that is a terminal
  bool help = false;
  std::uint32_t snaplen = 80;
  std::string write_to;                                                       // a file; empty: output_fd
  CaptureOutput::Compression compression = CaptureOutput::Compression::None;  // of the file
  int output_fd = 1;
  std::optional<std::chrono::milliseconds> duration;
  std::uint64_t max_size = 0;  // bytes; 0: no limit
  pid_t never_watched = 0;     // the program that runs this one

  [[nodiscard]] bool whole_machine() const {
    return fifo.empty() && unit.empty() && pids.empty() && command.empty();
  }
};

using RecorderError = CaptureError;
template <typename T>
using Recorded = Captured<T>;

[[nodiscard]] Recorded<RecorderOptions> parse_options(int argc, char** argv);
[[nodiscard]] std::string options_help();

}  // namespace slurper
