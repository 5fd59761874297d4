// RotationRequest: what has become of a rotation that was asked for.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/stream_offset.h"
#include "slurper/result.h"

namespace slurper {

// The log's thread notes what it has done, and any thread looks. The rotation takes place even if its
// request is gone.
class RotationRequest {
 public:
  enum class State : std::uint8_t {
    Waiting,      // the log's thread has not come to it
    AmidALine,    // the segment ends with the next newline
    NothingToDo,  // the segment is empty
    Done,
    Failed,
  };

  struct Outcome {
    State state = State::Waiting;
    std::string rotated = {};    // if Done: the old segment's path; empty if another process has moved it
    StreamOffset begin = {};     // the same: where the next segment begins
    std::optional<Error> error;  // if Failed
  };

  [[nodiscard]] Outcome outcome() const {
    const std::lock_guard lock(mutex_);
    return outcome_;
  }
  void note(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
  }

 private:
  mutable std::mutex mutex_;
  Outcome outcome_;
};

}  // namespace slurper
