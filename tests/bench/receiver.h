// A TCP server of our own that receives lines, and may be slow or hang.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/fd.h"
#include "bench/lines.h"
#include "slurper/result.h"

namespace slurper::bench {

enum class Habit {
  Down,      // nothing listens on its port
  Slow,      // it reads a byte a second
  Discards,  // the kernel throws everything away for it: the least that a receiver can cost
  Counts,    // it reads, and counts lines
};

// On a port of its own of the loopback, in a process of its own, which dies with this one. For one thread.
class Receiver {
 public:
  struct Tally {
    std::uint64_t lines = 0;  // that Counts has seen
    Moment last{0};           // when it saw the last of them
  };

  static Result<Receiver> start(Habit habit);
  Receiver(Receiver&& other) noexcept;
  Receiver& operator=(Receiver&&) = delete;
  ~Receiver();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Tally tally() const;
  // Of its process.
  [[nodiscard]] double cpu_seconds() const;

 private:
  struct Shared;
  Receiver() = default;
  [[noreturn]] static void serve(int listening_fd, Habit habit, Shared& shared);

  UniqueFd bound_fd_;  // Down: the port is nobody else's
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  Shared* shared_ = nullptr;  // memory that outlives fork(2)
};

}  // namespace slurper::bench
