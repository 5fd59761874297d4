// Sinks: owns all sinks of a slurper, and changes them while it runs.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "sink/registry.h"
#include "sink/runner.h"

namespace slurper {

// The intake's thread uses it, and waits for the sinks only at the end.
//
// A sink that leaves gets the time to deliver what the log has, then it is stopped, and if it does not end it
// is abandoned. Its thread may hang in foreign code, and foreign code destroys it, so a thread of its own
// waits for it. It has its cursor and its files until then: a sink with its name, or with one of its files,
// starts when it has ended. Nothing of a change survives a crash: the next start reads the settings and the
// cursors.
class Sinks {
 public:
  using Clock = std::chrono::steady_clock;

  // How long a sink that leaves may take.
  struct Limits {
    std::chrono::milliseconds patience{5000};  // to deliver the rest
    std::chrono::milliseconds grace{10'000};   // to end after that, which may be the end of a program
  };

  // Opens and starts nothing. `log` and what it refers to, and `events`, outlive it. A thread of its own
  // calls `wake` if check_due() has something to do.
  Sinks(const SinkLog& log, std::vector<ConfiguredSink> sinks, EventListener& events, PhraseRenderer render,
        std::function<void()> wake, Limits limits);
  Sinks(const Sinks&) = delete;
  Sinks& operator=(const Sinks&) = delete;
  // Waits for those that hang.
  ~Sinks();

  // Fails with Busy if a thread can't be made; the threads that run then continue until stop().
  [[nodiscard]] Status start();

  struct Changes {
    std::vector<std::string> added = {};
    std::vector<std::string> changed = {};
    std::vector<std::string> removed = {};
  };
  // From now on these are the sinks. Those with equal settings continue undisturbed; the others leave. A sink
  // without a cursor begins at the log's end as of this call, or as its settings say. One that is paused
  // stays so. Returns at once.
  Changes apply(std::vector<ConfiguredSink> sinks);

  // Starts the sinks whose predecessors have ended. Call it after each `wake`, and at retry_at().
  void check_due();
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }

  // Call this when the log is complete. Waits at most `patience` until the destinations that work have all
  // of it, and then ends all sinks within `grace`. Returns false if a sink can't be ended: it hangs in a
  // call of its own, and still uses what it was given.
  [[nodiscard]] bool stop(std::chrono::milliseconds patience,
                          std::chrono::milliseconds grace = std::chrono::seconds(3));

  // Makes the sinks that have stopped because of a loop try again.
  void resume();

  // Has the sink of that name do what `order` says. Errors: NoInput (there is no such sink), Busy.
  [[nodiscard]] Status give(std::string_view name, std::shared_ptr<SinkOrder> order) const;

  [[nodiscard]] std::vector<SinkStatus> status() const;
  // Those that a change has let go and that have not ended.
  [[nodiscard]] std::vector<SinkStatus> ending() const;

 private:
  class Ending;
  struct Slot {
    SinkSettings settings;
    std::vector<std::string> files;  // see ConfiguredSink
    std::unique_ptr<SinkRunner> runner;
    bool is_started = false;
    bool is_told_to_wait = false;
  };

  Slot make_slot(ConfiguredSink sink);
  void let_go(Slot slot);
  void start_waiting();
  [[nodiscard]] const Ending* in_the_way_of(const Slot& slot) const;
  void retry_later(const std::string& sink, const Error& error);
  // Returns false if the sink has no place in the log yet.
  bool report_place(EventId event, const SinkRunner& runner);

  const SinkLog log_;
  EventListener& events_;
  const PhraseRenderer render_;
  const std::function<void()> wake_;
  const Limits limits_;
  std::vector<Slot> slots_;
  std::optional<Clock::time_point> retry_at_;  // a thread could not be made
  std::atomic<bool> has_news_{false};          // an ending one has ended, or hangs
  std::vector<std::unique_ptr<Ending>> endings_;
};

}  // namespace slurper
