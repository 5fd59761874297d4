// Calls other than writes that sleep for long: for a lock, for the other end of a FIFO, and those of
// processes that wait for each other.
#include <algorithm>
#include <map>
#include <set>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"
#include "trace/explain/waits.h"

namespace slurper {

namespace {

constexpr std::string_view kInterrupted = "a signal interrupted it";
constexpr std::string_view kRecordingEnded = "the recording did";

class Waiters : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.raw.type == kProcessExit && !event.is_own) return take_end(event);
    const bool is_long = !event.is_own && event.is_exit() && event.latency() >= kLongWait;
    if (!is_long || event.shape->writes) return;
    const LongCall call = history_.call_of(event);
    if (call.is_interrupted) {
      take_unfinished(event, call);
    } else if (call.awaited == Awaited::Lock && call.failure == 0) {
      take_lock(event, chain_of(history_, event));
    }
  }

  void end() override {
    const std::uint64_t now = history_.model().last_time();
    history_.model().for_each_thread([&](const Thread& thread) {
      if (!thread.pending.is_open || thread.pending.type == 0) return;
      if (shape_of(static_cast<std::uint16_t>(thread.pending.type + 1)).writes) return;
      Thread copy = thread;
      const TraceEvent pending = history_.model().pending_of(copy);
      if (now >= pending.raw.time + kLongWait) take_unfinished(pending, history_.call_of(pending));
    });
  }

 private:
  void take_unfinished(const TraceEvent& pending, const LongCall& call) {
    if (call.awaited == Awaited::Nothing || call.awaited == Awaited::Waker) return;
    const WaitChain chain = chain_of(history_, pending);
    if (take_cycle(pending, chain)) return;
    if (call.awaited == Awaited::Lock) take_lock(pending, chain);
    if (call.awaited == Awaited::Opening) take_opening(pending, chain.steps.front());
  }

  static Statement about(Saying saying, const LongCall& call) {
    return {.saying = saying,
            .arguments = {{"call", call.call},
                          {"ending", std::string(call.is_interrupted ? kInterrupted : kRecordingEnded)},
                          {"span", span_between(call.begin, call.end)},
                          {"event", EventNumber{call.number}}}};
  }

  // Writes tell of the cycles in which they are themselves. Returns whether it is one.
  bool take_cycle(const TraceEvent& event, const WaitChain& whole) {
    const WaitChain chain = lasting_part_of(whole);
    if (!is_deadlock(history_, chain)) return false;
    std::set<std::int64_t> pids;
    for (const WaitStep& step : chain.steps) pids.insert(step.who.pid);
    const bool has_write = std::ranges::any_of(chain.steps, [](const WaitStep& step) {
      return step.call->awaited == Awaited::OtherEnd && step.call->writes;
    });
    if (has_write || !cycles_.insert(std::move(pids)).second) return true;
    TraceFinding finding = finding_of(event, Pattern::WaitCycle);
    const LongCall& first = *chain.steps.front().call;
    finding.time = first.begin;
    finding.is_harm = true;
    finding.story.push_back(about(Saying::SleepsInCycle, first));
    for (const WaitStep& step : chain.steps) finding.story.push_back(waits_for(step));
    finding.story.push_back({.saying = Saying::WaitsForEachOther});
    const bool reads = std::ranges::any_of(
        chain.steps, [](const WaitStep& step) { return step.call->awaited == Awaited::OtherEnd; });
    finding.advice.saying = reads ? Saying::DoBreakReads : Saying::DoBreakLocks;
    if (first.is_interrupted) {
      interrupted_[event.thread->pid] = {.finding = std::move(finding), .ended = event.raw.time};
    } else {
      output_(std::move(finding));
    }
    return true;
  }

  // A user ends a program that hangs. One that a signal only wakes may go on, and end the wait of the others.
  void take_end(const TraceEvent& event) {
    constexpr std::uint64_t kAtOnce = 1'000'000'000;  // nanoseconds
    const auto found = interrupted_.find(event.thread->pid);
    if (found == interrupted_.end()) return;
    if (event.raw.time <= found->second.ended + kAtOnce) output_(std::move(found->second.finding));
    interrupted_.erase(found);
  }

  void take_lock(const TraceEvent& event, const WaitChain& chain) {
    const WaitStep& first = chain.steps.front();
    TraceFinding finding = finding_of(event, Pattern::BlockedLock);
    finding.time = first.call->begin;
    finding.story.push_back(
        about(first.call->was_in_vain() ? Saying::LockWaits : Saying::LockTook, *first.call));
    std::ranges::copy(sentences_of(chain), std::back_inserter(finding.story));
    finding.advice.saying = Saying::DoRecordLocker;
    if (first.other.pid != 0)
      finding.advice = {.saying = Saying::DoWatchLocker, .arguments = {{"other", first.other}}};
    if (chain.steps.size() > 1 && chain.steps[1].stop && chain.steps[1].stop->until == 0) {
      finding.is_harm = true;
      finding.advice = {
          .saying = Saying::DoContinueOther,
          .arguments = {{"other", first.other}, {"pid", static_cast<std::uint64_t>(first.other.pid)}}};
    }
    output_(std::move(finding));
  }

  // That it is a FIFO is known only if the recording has a process that had it open. A reader may well come
  // before its writers; a writer whose reader has gone has lost it.
  void take_opening(const TraceEvent& event, const WaitStep& step) {
    const LongCall& call = *step.call;
    if (history_.fifo_at(call.file) == nullptr) return;
    TraceFinding finding = finding_of(event, Pattern::BlockedOpen);
    finding.time = call.begin;
    finding.file = call.file;
    finding.story.push_back(about(Saying::OpenWaits, call));
    const std::string purpose = call.writes ? "reading" : "writing";
    finding.story.back().add("purpose", purpose);
    if (step.left) finding.story.push_back(has_left(step));
    finding.is_harm = call.writes && step.left.has_value();
    finding.advice = {.saying = call.writes ? Saying::DoOpenToRead : Saying::DoOpenToWrite};
    output_(std::move(finding));
  }

  struct Interrupted {
    TraceFinding finding;
    std::uint64_t ended = 0;  // the time at which the call did
  };
  std::map<std::int64_t, Interrupted> interrupted_;  // by process
  std::set<std::set<std::int64_t>> cycles_;          // the processes of each that was reported
};

}  // namespace

std::unique_ptr<Recogniser> recognise_waiting(History& history, const FindingOutput& output) {
  return std::make_unique<Waiters>(history, output);
}

}  // namespace slurper
