// Sinks: all sinks of a slurper.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event.h"
#include "sink/runner.h"

namespace slurper {

// For the intake's thread, which never waits for one of them but at the end.
class Sinks {
 public:
  // Nothing of them is open yet. `log` and what it refers to, and `events`, outlive it.
  Sinks(const SinkLog& log, std::vector<PreparedSink> sinks, EventListener& events);

  // Busy if a thread can't be made; those that run then go on until stop().
  [[nodiscard]] Status start();

  // The log is complete: waits until the destinations have it, those that work, for `patience` at the most,
  // and ends them, all together, within `grace`. False where one can't be ended: it hangs in a call of its
  // own, and uses what it was given.
  [[nodiscard]] bool stop(std::chrono::milliseconds patience,
                          std::chrono::milliseconds grace = std::chrono::seconds(1));

  // Those that have stopped because of a loop try again.
  void resume();

  [[nodiscard]] std::vector<SinkStatus> status() const;

 private:
  EventListener& events_;
  std::vector<std::unique_ptr<SinkRunner>> runners_;
};

}  // namespace slurper
