// EventQueue: puts events in the order of their times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "trace/scap/scap_writer.h"

namespace slurper {

// A call's record comes when it ends, with an enter event that belongs before events of calls that ended
// earlier. For one thread.
class EventQueue {
 public:
  void add(const EventHead& event, const ScapParams& params);

  // Appends the blocks of all events before `time`, in order; equal times in the order in which they came.
  void take_until(std::uint64_t time, std::string& out);
  void take_all(std::string& out) { take_until(~std::uint64_t{0}, out); }

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  // All events until now, slurper's own included.
  [[nodiscard]] std::uint64_t added() const { return next_number_; }

 private:
  struct Waiting {
    std::uint64_t time;
    std::uint64_t number;
    std::size_t offset;
    std::size_t size;
  };

  std::vector<Waiting> waiting_;
  std::string blocks_;
  std::uint64_t next_number_ = 0;
};

}  // namespace slurper
