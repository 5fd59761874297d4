// The intake: from the FIFO into the ring.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/os.h"
#include "base/settings.h"
#include "fifo/fifo.h"
#include "log/time_index.h"
#include "ring/ring.h"

namespace slurper {

// How long writers found no room in the pipe. It never counts too much; a pipe that fills and is emptied
// between two checks counts as found full, with next to no time. Pure: the caller passes the time.
class FullTime {
 public:
  using Clock = std::chrono::steady_clock;

  void found_full(Clock::time_point now);
  void found_room(Clock::time_point now);
  [[nodiscard]] bool is_full() const { return since_.has_value(); }
  [[nodiscard]] std::uint64_t times() const { return times_; }
  [[nodiscard]] Clock::duration total(Clock::time_point now) const;

 private:
  std::optional<Clock::time_point> since_;
  std::uint64_t times_ = 0;
  Clock::duration total_{};
};

// Moves what the FIFO holds into the ring. If the ring is full and the settings permit it, drops whole lines
// and counts them. Never waits. The caller chooses the FIFO: there may be several, one after the other.
// Belongs to the intake's thread. Whatever must survive a crash is in the ring's header.
class Intake {
 public:
  enum class Outcome {
    Empty,     // the pipe held nothing
    Took,      // `bytes` were read into the ring
    Dropped,   // `bytes` were dropped
    Full,      // the ring has no room: call again when it has
    NoMemory,  // the ring's file system has no memory left: call again later
    Failed,    // the read failed with `errnum`
  };
  struct Round {
    Outcome outcome;
    std::uint64_t bytes = 0;
    int errnum = 0;
  };

  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  // `times` gets the time of arrival of what is read; nullptr: no times are kept.
  Intake(Os& os, Ring& ring, WhenFull when_full, TimeIndex* times = nullptr);

  // Does at most one read, of at most `limit` bytes.
  Round pull(const Fifo& fifo, std::uint64_t limit = kNoLimit);

  // Call this if the caller was woken because the pipe held something, and pull() found it empty.
  void found_nothing() { ++short_reads_; }
  // Reads that returned less than the pipe had held before: another reader took some.
  [[nodiscard]] std::uint64_t short_reads() const { return short_reads_; }
  [[nodiscard]] const FullTime& full_time() const { return full_time_; }
  // When pull() last found something in a pipe, just before it read that.
  [[nodiscard]] FullTime::Clock::time_point found_at() const { return found_at_; }
  // In bytes, since the start: read, or read and dropped; what short reads have missed; the most that was
  // found in the pipe, and in the ring.
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t taken_by_others() const { return taken_by_others_; }
  [[nodiscard]] std::uint64_t most_held() const { return most_held_; }
  [[nodiscard]] std::uint64_t most_in_ring() const { return most_in_ring_; }

 private:
  ssize_t take(int fd, std::uint64_t size);
  Round pull_line_by_line(int fd, std::uint64_t available);
  Round finish(ssize_t got, std::uint64_t asked, Outcome outcome);

  Os& os_;
  Ring& ring_;
  WhenFull when_full_;
  TimeIndex* times_;
  std::uint64_t max_read_;
  std::uint64_t reserve_;  // room that WhenFull::Drop keeps for the rest of a line
  std::uint64_t short_reads_ = 0;
  std::uint64_t taken_by_others_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t most_held_ = 0;
  std::uint64_t most_in_ring_ = 0;
  FullTime full_time_;
  FullTime::Clock::time_point found_at_;
};

}  // namespace slurper
