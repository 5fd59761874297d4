// Who waits for whom: from a call that sleeps on a pipe to the process at the other end, to what that one
// does, and so on.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "trace/explain/history.h"

namespace slurper {

// What a thread did for most of the time of the first call.
struct WaitStep {
  Actor who{};
  std::optional<Stop> stop{};      // a signal had stopped it
  std::optional<LongCall> call{};  // in which it slept; nothing if it was awake
  std::size_t others = 0;          // processes at the other end, if the call is on a pipe
  Actor other{};                   // the one of them; pid 0 if there is not exactly one
};

struct WaitChain {
  std::vector<WaitStep> steps;
  bool is_cycle = false;  // the last step waits for one of the others
};

// From this call on, which has just ended, or had not ended when the recording did. Searches all tables.
[[nodiscard]] WaitChain chain_of(History& history, const TraceEvent& call);
// Of a step whose other process is known.
[[nodiscard]] Statement waits_for(const WaitStep& step);
// A sentence for each step, with the event in which it slept. Nothing if the call is not on a pipe.
[[nodiscard]] std::vector<Statement> sentences_of(const WaitChain& chain);

}  // namespace slurper
