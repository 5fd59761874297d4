// SinkOrder: what an operator asks of a sink that runs, and what has become of it.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/stream_offset.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// Where a sink is to resume: with the log's oldest line, with the line that comes next, with the line that
// has the byte at `offset`, or with the first line that came at `time` or later, within half a second.
struct RewindTo {
  enum class Kind : std::uint8_t { Beginning, End, Offset, Time };
  Kind kind = Kind::Beginning;
  StreamOffset offset = {};
  Timestamp time = {};
  bool operator==(const RewindTo&) const = default;
};

// Passes between the thread that asks and the sink's thread. Nothing of it survives the process: a sink that
// was paused resumes with the next start.
class SinkOrder {
 public:
  enum class Verb : std::uint8_t { Pause, Resume, Rewind };

  struct Done {
    bool changed = true;           // false: it was so before
    bool was_stopped = false;      // by a loop
    StreamOffset offset;           // where the sink resumes
    std::uint64_t behind = 0;      // bytes between there and the log's end
    std::uint64_t given_back = 0;  // records that were in flight, which the destination may have or not
    std::uint64_t skipped = 0;     // bytes that it has never delivered, and that it passes over
  };

  explicit SinkOrder(Verb verb, const RewindTo& to = {}) : verb_(verb), to_(to) {}

  [[nodiscard]] Verb verb() const { return verb_; }
  [[nodiscard]] const RewindTo& to() const { return to_; }

  // Whoever asks:

  // What has become of it. Nothing: the sink is not ready yet.
  [[nodiscard]] std::optional<Result<Done>> outcome() const;
  // Whether it is still to be done, or is being done.
  [[nodiscard]] bool is_pending() const;
  // Returns whether it was in time: then the sink will not do it. Otherwise the sink has begun.
  [[nodiscard]] bool withdraw();

  // The sink's thread:

  // Returns false if the order was withdrawn.
  [[nodiscard]] bool begin();
  void finish(Result<Done> outcome);
  // The sink ends, or is out of memory, without an outcome.
  void abandon() noexcept;

 private:
  enum class State : std::uint8_t { Waiting, Withdrawn, Begun, Finished, Abandoned };

  const Verb verb_;
  const RewindTo to_;
  mutable std::mutex mutex_;
  State state_ = State::Waiting;         // under the mutex
  std::optional<Result<Done>> outcome_;  // the same
};

}  // namespace slurper
