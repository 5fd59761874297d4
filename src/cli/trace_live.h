// LiveTrace: the recorder, as `slurper trace` runs it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// What to record. At most one of fifo, unit, pids and command; none: the whole machine.
struct TraceSelection {
  std::string fifo;
  std::string unit;
  std::vector<pid_t> pids;
  std::vector<std::string> command;
  std::string user;    // that runs the command; empty: the caller
  std::string engine;  // bpf or ptrace; empty: the recorder's choice
  bool all_calls = false;
  bool peers = false;
  bool with_environment = false;
  std::string write_to;   // a file; empty: take_stream()
  bool compress = false;  // the file
  bool shows_progress = false;
  std::optional<unsigned> snaplen;
  std::optional<std::chrono::milliseconds> duration;
  std::optional<ByteSize> size;
};

// From start() to wait(), SIGINT, SIGTERM and SIGHUP end the recorder instead of this process, which then
// reads the rest of the stream: what was recorded before is not lost. One at a time; for one thread.
class LiveTrace {
 public:
  // Runs the recorder, whose messages appear on standard error.
  static Result<LiveTrace> start(const TraceSelection& selection);
  LiveTrace(LiveTrace&& other) noexcept;
  LiveTrace& operator=(LiveTrace&&) = delete;
  // Waits for the recorder.
  ~LiveTrace();

  // A pipe from which the capture is read, to its end; empty if it goes into a file. Close it when nothing
  // more is wanted: upon that, the recorder ends.
  [[nodiscard]] UniqueFd take_stream() { return std::move(stream_); }
  // Makes the recorder end. What it has recorded still comes.
  void end() const;
  // Waits for the recorder's end, and returns its status: that of the command if there was one, 0 if the
  // recording ended as it should, else what sysexits.h says. The recorder has said why.
  int wait();

 private:
  LiveTrace(pid_t pid, UniqueFd stream) : pid_(pid), stream_(std::move(stream)) {}

  pid_t pid_;
  UniqueFd stream_;
  int status_ = 0;
};

// The recorder's path: $SLURPER_TRACE_PROGRAM, or else where it is installed, see find_own_program().
[[nodiscard]] std::string recorder_program();

}  // namespace slurper
