#include "trace/explain/waits.h"

#include <algorithm>
#include <set>

#include "trace/explain/tell.h"
#include "trace/explain/words.h"

namespace slurper {

namespace {

constexpr std::size_t kMostSteps = 16;

bool is_other_end(const Channel& channel, const Holder& holder, bool writes) {
  const OpenFile& file = *holder.file;
  if (file.is_for_reading != file.is_for_writing) return writes ? file.is_for_reading : file.is_for_writing;
  const auto end = std::ranges::find(channel.ends, holder.file, &ChannelEnd::file);
  return end != channel.ends.end() && (writes ? end->is_reader() : end->is_writer());
}

// The thread of the process that has used the file last, else its main thread.
Actor user_of(const History& history, const Channel& channel, const Holder& holder, bool writes) {
  const Model& model = history.model();
  const Thread* thread = holder.process;
  const auto end = std::ranges::find(channel.ends, holder.file, &ChannelEnd::file);
  if (end != channel.ends.end()) {
    const Deed& last = writes ? end->last_read : end->last_write;
    const Thread* const user = last ? model.find_thread(last.who.tid) : nullptr;
    if (user != nullptr && user->pid == thread->pid) thread = user;
  }
  return actor_of(model, *thread);
}

void find_other(History& history, WaitStep& step) {
  const Channel* const channel = step.call ? history.channel_at(step.call->channel) : nullptr;
  if (channel == nullptr || !channel->is_pipe) return;
  std::set<std::int64_t> pids;
  for (const Holder& holder : history.holders(*channel)) {
    if (holder.process->pid == step.who.pid || !is_other_end(*channel, holder, step.call->writes)) continue;
    step.other = user_of(history, *channel, holder, step.call->writes);
    pids.insert(holder.process->pid);
  }
  step.others = pids.size();
  if (step.others > 1) step.other = {};
}

}  // namespace

WaitChain chain_of(History& history, const TraceEvent& call) {
  WaitChain chain;
  WaitStep step{.who = actor_of(history.model(), *call.thread), .call = history.long_call_of(call)};
  const std::uint64_t from = step.call->begin;
  const std::uint64_t to = step.call->end;
  std::set<std::int64_t> seen;
  while (true) {
    seen.insert(step.who.pid);
    find_other(history, step);
    chain.steps.push_back(step);
    const Actor& other = chain.steps.back().other;
    if (other.pid == 0 || chain.steps.size() >= kMostSteps) return chain;
    chain.is_cycle = seen.contains(other.pid);
    if (chain.is_cycle) return chain;
    step = {.who = other, .stop = history.stopped(other.pid, from, to)};
    if (!step.stop) step.call = history.long_call(other.tid, from, to);
  }
}

Statement waits_for(const WaitStep& step) {
  const LongCall& call = *step.call;
  return {.saying = call.is_under_way ? Saying::WaitsFor : Saying::WaitedFor,
          .arguments = {{"who", step.who},
                        {"other", step.other},
                        {"call", call.call},
                        {"file", call.file},
                        {"span", span_between(call.begin, call.end)},
                        {"event", EventNumber{call.number}}}};
}

namespace {

Statement sleeps_in(const WaitStep& step) {
  const LongCall& call = *step.call;
  return {.saying = call.is_under_way ? Saying::SleepsIn : Saying::SleptIn,
          .arguments = {{"who", step.who},
                        {"call", call.file.empty() ? call.call : call.call + " on " + call.file},
                        {"span", span_between(call.begin, call.end)},
                        {"event", EventNumber{call.number}}}};
}

Statement was_stopped(const WaitStep& step, std::uint64_t now) {
  const bool lasts = step.stop->until == 0;
  return {.saying = lasts ? Saying::ReaderStopped : Saying::ReaderWasStopped,
          .arguments = {{"reader", step.who},
                        {"event", EventNumber{step.stop->number}},
                        {"span", span_between(step.stop->time, lasts ? now : step.stop->until)}}};
}

}  // namespace

std::vector<Statement> sentences_of(const WaitChain& chain) {
  std::vector<Statement> sentences;
  const LongCall& first = *chain.steps.front().call;
  if (first.channel.first == 0) return sentences;
  for (const WaitStep& step : chain.steps) {
    if (step.stop) {
      sentences.push_back(was_stopped(step, first.end));
    } else if (!step.call) {
      sentences.push_back({.saying = Saying::WasAwake, .arguments = {{"who", step.who}}});
    } else {
      sentences.push_back(step.other.pid != 0 ? waits_for(step) : sleeps_in(step));
    }
    if (step.others > 1)
      sentences.push_back({.saying = Saying::SeveralHaveOther,
                           .arguments = {{"count", static_cast<std::uint64_t>(step.others)}}});
  }
  if (chain.is_cycle)
    sentences.push_back(
        {.saying = Saying::WaitsInCircle, .arguments = {{"other", chain.steps.back().other}}});
  return sentences;
}

}  // namespace slurper
