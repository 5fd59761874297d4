// Sinks: owns all sinks of a slurper.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event.h"
#include "sink/runner.h"

namespace slurper {

// The intake's thread uses it, and waits for the sinks only at the end.
class Sinks {
 public:
  // Opens and starts nothing. `log` and what it refers to, and `events`, outlive it.
  Sinks(const SinkLog& log, std::vector<PreparedSink> sinks, EventListener& events, PhraseRenderer render);

  // Fails with Busy if a thread can't be made; the threads that run then continue until stop().
  [[nodiscard]] Status start();

  // Call this when the log is complete. Waits at most `patience` until the destinations that work have all
  // of it, and then ends all sinks within `grace`. Returns false if a sink can't be ended: it hangs in a
  // call of its own, and still uses what it was given.
  [[nodiscard]] bool stop(std::chrono::milliseconds patience,
                          std::chrono::milliseconds grace = std::chrono::seconds(1));

  // Makes the sinks that have stopped because of a loop try again.
  void resume();

  [[nodiscard]] std::vector<SinkStatus> status() const;

 private:
  EventListener& events_;
  std::vector<std::unique_ptr<SinkRunner>> runners_;
};

}  // namespace slurper
