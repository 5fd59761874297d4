// Who waits for whom: from a call that sleeps to the process that it waits for, to what that one does, and so
// on.
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
  std::size_t others = 0;          // processes that the call may wait for
  Actor other{};                   // the one of them; pid 0 if there is not exactly one
  bool is_woken = false;           // all that is known of `other` is that it ended the sleep
  bool is_own = false;             // the process has the other end itself, and no other process has it
  Deed locked{};                   // by `other`, if it is a lock
  std::optional<Closing> left{};  // of the other end, which ended the call, or which nothing has opened since
};

struct WaitChain {
  std::vector<WaitStep> steps;
  bool is_cycle = false;  // the last step waits for one of the others
};

// From this call on, which has just ended, or had not ended when the recording did. Searches all tables.
[[nodiscard]] WaitChain chain_of(History& history, const TraceEvent& call);
// Whether each process of the chain waits for the next one, and the last for the first, so that none of them
// can ever go on. Searches all tables.
[[nodiscard]] bool is_deadlock(History& history, const WaitChain& chain);
// The part of the chain, from its beginning on, in which each waits for a known process, and has not stopped
// waiting. The first call counts as one that goes on: it may have been interrupted.
[[nodiscard]] WaitChain lasting_part_of(WaitChain chain);

// Of a step whose other process is known.
[[nodiscard]] Statement waits_for(const WaitStep& step);
// Who had the other end, and has left it.
[[nodiscard]] Statement has_left(const WaitStep& step);
// A sentence or two for each step, with the event in which it slept. Nothing if the first call waits for no
// process that the recording could have.
[[nodiscard]] std::vector<Statement> sentences_of(const WaitChain& chain);

}  // namespace slurper
