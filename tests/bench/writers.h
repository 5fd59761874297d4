// The writers of a run: processes of their own, as a syslogd is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "bench/lines.h"
#include "slurper/result.h"

namespace slurper::bench {

struct WriterPlan {
  unsigned writers = 1;
  std::uint64_t lines = 0;   // each writer tries to write, one write(2) a line
  bool in_blocks = false;    // or else as many lines a write(2) as 64 KiB hold; blocking and flat out
  double rate = 0;           // lines a second of each, one a wake-up; 0: flat out
  bool nonblocking = false;  // a line that the pipe refuses with EAGAIN is dropped and counted
  std::uint64_t burst = 0;   // pause after so many lines; 0: never
  std::chrono::milliseconds pause{0};
};

struct WriterTally {
  std::uint64_t accepted = 0;  // lines that write(2) took
  std::uint64_t refused = 0;   // lines dropped on EAGAIN
  std::uint64_t bytes = 0;     // of the accepted ones
  Moment first{0};             // before the first write(2)
  double cpu_seconds = 0;
  int errnum = 0;  // what ended the writer early, or 0
};

// Starts the processes of a plan on a FIFO that a reader holds open, or a unix stream socket that one listens
// on. Those still running at its end are
// killed. For one thread.
class Writers {
 public:
  static Result<Writers> start(const LineMaker& maker, const std::string& path, const WriterPlan& plan);
  Writers(Writers&& other) noexcept;
  Writers& operator=(Writers&&) = delete;
  ~Writers();

  // Whether all have ended.
  [[nodiscard]] bool done();
  // One for each writer; complete when done() says so.
  [[nodiscard]] std::vector<WriterTally> tallies() const;

 private:
  Writers() = default;

  std::vector<pid_t> running_;
  WriterTally* shared_ = nullptr;  // one a writer, in memory that outlives fork(2)
  unsigned count_ = 0;
};

// Nothing, with errno, if no process has the FIFO open or listens on the socket.
[[nodiscard]] UniqueFd open_for_writing(const std::string& path);

}  // namespace slurper::bench
