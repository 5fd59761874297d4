// EventWindow: the last events of a capture in memory, and what was known before the first of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "trace/model/model.h"
#include "trace/scap/scap_reader.h"

namespace slurper {

// One thread uses it.
class EventWindow {
 public:
  struct Limits {
    std::uint64_t time = 0;    // nanoseconds before the newest event
    std::uint64_t memory = 0;  // bytes of events
  };

  explicit EventWindow(const Limits& limits) : limits_(limits) {}

  // Takes the next block. Events that fall out of the window change what is known before it.
  void take(const Block& block);

  // Writes a capture that is complete in itself: the tables as of the first event in the window, and the
  // events. Ends early, with false, if `write` returns false.
  [[nodiscard]] bool write(const std::function<bool(std::string_view bytes)>& write) const;

  // Gives up all events: the next one will be the first.
  void drop_all() {
    while (!pieces_.empty()) drop_first();
  }

  // How many nanoseconds there are from its first event to its last.
  [[nodiscard]] std::uint64_t length() const {
    return last_time_ > first_time() ? last_time_ - first_time() : 0;
  }
  // Whether events that are young enough had to go because of the memory that they need.
  [[nodiscard]] bool is_cut() const { return is_cut_; }

 private:
  // Blocks as they stand in a capture.
  struct Piece {
    std::string bytes;
    std::size_t begin = 0;  // of those that are still in the window
  };

  [[nodiscard]] Block first_block() const;
  [[nodiscard]] std::uint64_t first_time() const;
  void drop_first();
  void drop_old();
  void apply(const Block& block);

  Limits limits_;
  Model before_;         // what was known before the first event in the window
  std::string machine_;  // the blocks in front of the tables
  std::deque<Piece> pieces_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_time_ = 0;
  bool is_cut_ = false;
};

// Blocks that describe the machine and its users: they stand in front of the tables of processes.
[[nodiscard]] bool describes_machine(std::uint32_t block_type);

}  // namespace slurper
