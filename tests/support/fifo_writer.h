// Writers into a FIFO that know exactly what the kernel took.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace slurper::test {

// The one who keeps the FIFO: open for reading and writing all the time, as systemd's ListenFIFO= and most
// syslogds do, so that what is in the pipe outlives any reader. It never reads. It writes on demand, without
// waiting, and remembers every byte that write(2) took. One thread.
class FifoHolder {
 public:
  // Makes the FIFO.
  explicit FifoHolder(const std::string& path);

  // From now on each write(2) is a packet: O_DIRECT, see pipe(7).
  void write_packets();
  // One write(2). False if the pipe had no room; then nothing was written.
  bool write(std::string_view bytes);
  [[nodiscard]] const std::string& accepted() const { return accepted_; }
  // Bytes in the pipe.
  [[nodiscard]] std::size_t pending() const;

 private:
  UniqueFd fd_;
  std::string accepted_;
};

// A process that writes numbered lines, one write(2) each, blocking, flat out or paced. It must be started
// before the test has other threads. Killed at the end of its life if it still runs.
class LineWriter {
 public:
  struct Plan {
    unsigned writer = 0;          // the number in its lines
    std::uint64_t lines = ~0ULL;  // then it ends by itself
    unsigned per_second = 0;      // lines a second, a millisecond's together; 0: flat out
    bool packets = false;         // each line is a packet: O_DIRECT, see pipe(7)
  };
  LineWriter(const std::string& fifo, const Plan& plan);
  LineWriter(LineWriter&& other) noexcept;
  LineWriter& operator=(LineWriter&&) = delete;
  ~LineWriter();

  // Lines and bytes that the pipe has taken so far; final after finish().
  [[nodiscard]] std::uint64_t lines() const;
  [[nodiscard]] std::uint64_t bytes() const;

  // Asks it to end after its present line, and waits until it has. False if that takes too long, or if a
  // write failed.
  [[nodiscard]] bool finish();
  // Waits for the end that the plan has set.
  [[nodiscard]] bool wait();

 private:
  struct Shared;

  static void run(const std::string& fifo, const Plan& plan, Shared& shared);

  Shared* shared_ = nullptr;  // a page that both processes see
  pid_t pid_ = -1;
};

// Writes all of `bytes` from a thread of the test, blocking, in pieces of the given sizes (over and over).
// False if the FIFO can't be opened, or if a write fails.
[[nodiscard]] bool write_blocking(const std::string& fifo, std::string_view bytes,
                                  const std::vector<std::size_t>& pieces);

}  // namespace slurper::test
