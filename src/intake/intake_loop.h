// IntakeLoop: what the intake's thread does, round by round.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/event.h"
#include "base/stream_offset.h"
#include "intake/fifo_set.h"
#include "intake/intake.h"
#include "intake/overload_report.h"
#include "intake/read_coalescer.h"
#include "log/log_thread.h"
#include "ring/ring.h"

namespace slurper {

struct FifoStatus {
  std::string path = {};
  std::uint64_t pipe_size = 0;  // bytes
  std::uint64_t held = 0;       // bytes in the pipe
  std::uint64_t most_held = 0;  // the most that slurper has found in it, since the start
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t headroom = 0;  // bytes that writers can surely still write to it, see headroom()
};

// Where the bytes are that were read from the FIFO since the start. Each figure is counted at its own place:
// at read(2), at write(2), and in the ring's header.
struct Ledger {
  std::uint64_t received = 0;   // read from the FIFO
  std::uint64_t inherited = 0;  // from the slurper before: what the ring held at the start
  std::uint64_t logged = 0;     // written to the log
  std::uint64_t held = 0;       // in the ring now
  std::uint64_t dropped = 0;

  [[nodiscard]] bool is_balanced() const { return received + inherited == logged + held + dropped; }
  bool operator==(const Ledger&) const = default;
};

struct IntakeStatus {
  StreamOffset head = {};  // the end of what was read from the FIFO
  StreamOffset tail = {};  // the log has everything before it; the ring holds what lies between tail and head
  std::uint64_t ring_size = 0;
  std::uint64_t dropped_lines = 0;  // since the ring was created, as are dropped_bytes
  std::uint64_t dropped_bytes = 0;
  std::uint64_t times_full = 0;  // how often the pipe was found full, since the start
  std::chrono::nanoseconds time_full{};
  std::uint64_t short_reads = 0;  // reads that found less because another reader took some
  // Bytes that these reads missed. The other reader has taken at least these.
  std::uint64_t taken_by_others = 0;
  std::uint64_t most_in_ring = 0;  // bytes, since the start
  Ledger ledger = {};
};

// Reads what the FIFO holds into the ring, passes it on to the log's thread, and returns how long to wait.
// Belongs to the intake's thread, and allocates only when a FIFO is replaced. A crash loses nothing (Ring).
class IntakeLoop {
 public:
  // All references outlive it. It calls `on_short_read` if another reader has taken what slurper was about to
  // read.
  IntakeLoop(Ring& ring, Intake& intake, FifoSet& fifos, LogThread& log_thread, std::string path,
             EventListener& events, std::function<void()> on_short_read);

  // Does one read. Returns how long to wait before the next round; nothing: until something happens.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> round();

  // Another FIFO is the current one.
  void fifo_replaced() { coalescer_ = ReadCoalescer(fifos_.current().pipe_size); }

  // For the end: takes what the pipes hold now. Later lines belong to the next slurper: a writer that never
  // pauses must not keep this one alive. Returns nothing if it took everything, or else the reason why it
  // could not, for as long as `patience`. It waits by calling `wait`.
  [[nodiscard]] std::optional<std::string> drain(std::chrono::nanoseconds patience,
                                                 const std::function<void(std::chrono::nanoseconds)>& wait);
  // After drain(): reports that dropping has ended.
  void end() { overload_.end(); }

  [[nodiscard]] IntakeStatus status() const;
  [[nodiscard]] FifoStatus fifo_status() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<std::chrono::nanoseconds> wait_for_fifo();
  void detect_second_reader(const Intake::Round& result);
  void release_memory();
  [[nodiscard]] Ledger ledger() const;

  Ring& ring_;
  Intake& intake_;
  FifoSet& fifos_;
  LogThread& log_thread_;
  const std::string path_;
  EventListener& events_;
  const std::function<void()> on_short_read_;
  OverloadReport overload_;
  ReadCoalescer coalescer_;
  std::uint64_t short_reads_seen_ = 0;
  // At the start:
  const std::uint64_t inherited_;
  const std::uint64_t dropped_before_;
};

}  // namespace slurper
