#include "trace/explain/waits.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::size_t kMostSteps = 16;

bool is_other_end(const Channel& channel, const Holder& holder, const LongCall& call) {
  const OpenFile& file = *holder.file;
  if (!channel.is_pipe) {
    // Of a socket that was open before the recording, each process has a file of its own; the inode is one.
    const bool is_same = &file == call.own.get() || (file.inode != 0 && file.inode == call.own->inode);
    return !is_same;
  }
  if (file.is_for_reading != file.is_for_writing)
    return call.writes ? file.is_for_reading : file.is_for_writing;
  const auto end = std::ranges::find(channel.ends, holder.file, &ChannelEnd::file);
  return end != channel.ends.end() && (call.writes ? end->is_reader() : end->is_writer());
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

// The candidates, one for each process.
class Others {
 public:
  explicit Others(WaitStep& step) : step_(step) {}
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;
  ~Others() {
    step_.others = pids_.size();
    if (step_.others != 1) step_.other = {};
  }
  void add(const Actor& actor) {
    pids_.insert(actor.pid);
    step_.other = actor;
  }

 private:
  WaitStep& step_;
  std::set<std::int64_t> pids_;
};

void find_other_end(History& history, WaitStep& step) {
  const LongCall& call = *step.call;
  const Channel* const channel = history.channel_at(call.channel);
  if (channel == nullptr) return;
  bool has_own = false;
  {
    Others others(step);
    for (const Holder& holder : history.holders(*channel)) {
      if (!is_other_end(*channel, holder, call)) continue;
      if (holder.process->pid == step.who.pid) {
        has_own = true;
      } else {
        others.add(user_of(history, *channel, holder, call.writes));
      }
    }
  }
  if (step.others == 0 && !channel->is_pipe && call.writes) {
    Others others(step);
    for (const Actor& server : servers_of(history.model(), *call.own, step.who.pid)) others.add(server);
  }
  step.is_own = has_own && step.others == 0;
  if (call.is_under_way || step.others > 0) return;
  const Closing* const left = channel->last_closing(call.writes, call.own.get());
  const bool was_refused = call.failure == EPIPE || call.failure == ECONNRESET;
  const bool has_ended_it = was_refused && left != nullptr && left->who.pid != step.who.pid &&
                            left->time <= call.end && !channel->was_written_after(*left, *call.own);
  if (has_ended_it) step.left = *left;
}

// What is known of a process's children is complete if it was made in the recording, or they were.
void find_child(const History& history, WaitStep& step) {
  const LongCall& call = *step.call;
  if (!call.was_in_vain()) {
    if (const Deed end = history.only_child_end(step.who.pid, call.begin, call.end)) {
      step.other = end.who;
      step.others = 1;
    }
    return;
  }
  Others others(step);
  history.model().for_each_thread([&](const Thread& thread) {
    if (thread.tid == thread.pid && thread.parent == step.who.pid && thread.cloned_at != 0)
      others.add(actor_of(history.model(), thread));
  });
}

// A lock belongs to an open file: several processes may have that. The one that has locked it counts, or else
// the only one that is left.
void find_lock_holder(const History& history, WaitStep& step) {
  const LongCall& call = *step.call;
  if (call.own == nullptr || call.call != "flock") return;
  Others others(step);
  for (const Locks::Taken& taken : history.locks().others(*call.own, call.begin)) {
    if (call.was_in_vain() && taken.released != 0) continue;
    std::vector<Actor> holders;
    history.model().for_each_thread([&](const Thread& thread) {
      if (thread.tid != thread.pid) return;
      bool has_it = false;
      thread.fds->for_each([&](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) {
        has_it = has_it || &file == taken.by.get();
      });
      if (has_it) holders.push_back(actor_of(history.model(), thread));
    });
    const auto locker = std::ranges::find(holders, taken.who.pid, &Actor::pid);
    // One that has closed the file has given up the lock, which ended the wait of a call that has ended.
    if (locker != holders.end() || (holders.empty() && !call.was_in_vain())) {
      others.add(taken.who);
      step.locked = static_cast<const Deed&>(taken);
    } else {
      std::ranges::for_each(holders, [&](const Actor& holder) { others.add(holder); });
      step.locked = static_cast<const Deed&>(taken);
    }
  }
}

// Of a FIFO that a process had open, and which none has opened again.
void find_opener(const History& history, WaitStep& step) {
  const Channel* const fifo = history.fifo_at(step.call->file);
  if (fifo == nullptr) return;
  const Closing* const left = fifo->last_closing(step.call->writes, nullptr);
  if (left != nullptr && left->who.pid != step.who.pid && step.call->was_in_vain()) step.left = *left;
}

void find_other(History& history, WaitStep& step) {
  if (!step.call) return;
  const LongCall& call = *step.call;
  if (call.awaited == Awaited::OtherEnd) find_other_end(history, step);
  if (call.awaited == Awaited::Child) find_child(history, step);
  if (call.awaited == Awaited::Lock) find_lock_holder(history, step);
  if (call.awaited == Awaited::Opening) find_opener(history, step);
  // What has ended the wait for a lock is more than what the locks of the recording tell.
  const bool is_known =
      step.other.pid != 0 && (call.awaited != Awaited::Lock || step.other.pid == call.waker.pid);
  const bool may_be_woken = call.awaited != Awaited::Nothing && !call.was_in_vain() && call.failure == 0;
  if (is_known || step.left || !may_be_woken || call.waker.pid == 0 || call.waker.pid == step.who.pid) return;
  step.other = call.waker;
  step.others = 1;
  step.is_woken = true;
}

}  // namespace

WaitChain chain_of(History& history, const TraceEvent& call) {
  WaitChain chain;
  WaitStep step{.who = actor_of(history.model(), *call.thread), .call = history.call_of(call)};
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
    const Thread* const next = history.model().find_thread(other.tid);
    // What a process did that has ended is not kept.
    if (chain.is_cycle || next == nullptr || next->has_ended) return chain;
    step = {.who = other, .stop = history.stopped(other.pid, from, to)};
    if (!step.stop) step.call = history.long_call(other.tid, from, to);
  }
}

WaitChain lasting_part_of(WaitChain chain) {
  const auto end = std::ranges::find_if(chain.steps, [&](const WaitStep& step) {
    const bool lasts = &step == &chain.steps.front() || (step.call && step.call->is_under_way);
    return step.other.pid == 0 || step.is_woken || !lasts;
  });
  chain.is_cycle = chain.is_cycle && end == chain.steps.end();
  chain.steps.erase(end, chain.steps.end());
  return chain;
}

namespace {

bool has_threads(const History& history, const WaitChain& chain) {
  bool found = false;
  history.model().for_each_thread([&](const Thread& thread) {
    found = found || (thread.tid != thread.pid && std::ranges::any_of(chain.steps, [&](const WaitStep& step) {
                        return step.who.pid == thread.pid;
                      }));
  });
  return found;
}

// A read of a pipe that was made before the recording, or has a name, may be ended by a process that is not
// in the recording.
bool is_bound(History& history, const LongCall& call) {
  if (call.has_time_out) return false;
  if (call.awaited != Awaited::OtherEnd || call.writes) return true;
  const Channel* const channel = history.channel_at(call.channel);
  return channel != nullptr && (!channel->is_pipe || channel->is_whole);
}

// Two that have nothing to say to each other: a connection may be idle.
bool is_listening(const WaitStep& step) {
  const LongCall& call = *step.call;
  return call.awaited == Awaited::OtherEnd && !call.writes && call.own->type != FdType::Fifo;
}

}  // namespace

bool is_deadlock(History& history, const WaitChain& chain) {
  return chain.is_cycle && chain.steps.back().other.pid == chain.steps.front().who.pid &&
         std::ranges::all_of(
             chain.steps, [&](const WaitStep& step) { return step.call && is_bound(history, *step.call); }) &&
         !std::ranges::all_of(chain.steps, is_listening) && !has_threads(history, chain);
}

Statement waits_for(const WaitStep& step) {
  const LongCall& call = *step.call;
  Statement statement{.saying = call.is_under_way ? Saying::WaitsFor : Saying::WaitedFor,
                      .arguments = {{"who", step.who}, {"other", step.other}}};
  if (step.is_woken) {
    statement.saying = Saying::WasWoken;
    statement.add("on_file", call.on_file());
  } else if (call.awaited == Awaited::Child) {
    statement.saying = call.is_under_way ? Saying::WaitsForChild : Saying::WaitedForChild;
  } else if (call.awaited == Awaited::Lock) {
    statement.saying = call.is_under_way ? Saying::WaitsForLock : Saying::WaitedForLock;
    statement.add("locked", EventNumber{step.locked.number});
  }
  statement.add("call", call.call);
  statement.add("file", call.file);
  statement.add("span", span_between(call.begin, call.end));
  statement.add("event", EventNumber{call.number});
  return statement;
}

namespace {

std::string purpose_of(bool writes) {
  return writes ? "reading" : "writing";  // what the other one opens it for
}

}  // namespace

Statement has_left(const WaitStep& step) {
  const LongCall& call = *step.call;
  const Closing& left = *step.left;
  Statement statement{.arguments = {{"closer", left.who},
                                    {"before", span_between(left.time, call.end)},
                                    {"event", EventNumber{left.number}}}};
  if (left.signal != 0) statement.add("signal", signal_name(left.signal));
  if (call.awaited == Awaited::Opening) {
    statement.add("purpose", purpose_of(call.writes));
    statement.saying = left.signal != 0 ? Saying::OpenerKilled : Saying::OpenerLeft;
  } else {
    const bool is_pipe = call.own->type == FdType::Fifo || call.own->type == FdType::File;
    statement.add("role", std::string(!is_pipe ? "peer" : call.writes ? "reader" : "writer"));
    statement.saying = left.signal != 0 ? Saying::OtherEndKilled
                       : left.by_end    ? Saying::OtherEndEnded
                                        : Saying::OtherEndClosed;
  }
  return statement;
}

namespace {

Statement sleeps_in(const WaitStep& step) {
  const LongCall& call = *step.call;
  Statement statement{.saying = call.is_under_way ? Saying::SleepsIn : Saying::SleptIn,
                      .arguments = {{"who", step.who},
                                    {"call", call.on_file()},
                                    {"span", span_between(call.begin, call.end)},
                                    {"event", EventNumber{call.number}}}};
  return statement;
}

Statement was_stopped(const WaitStep& step, std::uint64_t now) {
  const bool lasts = step.stop->until == 0;
  return {.saying = lasts ? Saying::ReaderStopped : Saying::ReaderWasStopped,
          .arguments = {{"reader", step.who},
                        {"event", EventNumber{step.stop->number}},
                        {"span", span_between(step.stop->time, lasts ? now : step.stop->until)}}};
}

// Why the process is not known that the call waits for.
std::optional<Statement> reason_of(const WaitStep& step) {
  const Argument count{"count", static_cast<std::uint64_t>(step.others)};
  if (step.left) return has_left(step);
  switch (step.call->awaited) {
    case Awaited::OtherEnd:
      if (step.others > 1) return Statement{.saying = Saying::SeveralHaveOther, .arguments = {count}};
      return Statement{.saying = step.is_own ? Saying::OtherEndIsOwn : Saying::OtherEndUnknown,
                       .arguments = {{"who", step.who}}};
    case Awaited::Child:
      if (step.others > 1)
        return Statement{.saying = Saying::SeveralChildren, .arguments = {{"who", step.who}, count}};
      return std::nullopt;
    case Awaited::Lock:
      if (step.others > 1) return Statement{.saying = Saying::SeveralHaveLock, .arguments = {count}};
      return Statement{.saying = step.call->call == "flock" ? Saying::LockUnknown : Saying::RangeUnknown};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<Statement> sentences_of(const WaitChain& chain) {
  std::vector<Statement> sentences;
  const LongCall& first = *chain.steps.front().call;
  const bool is_known = chain.steps.front().other.pid != 0 || chain.steps.front().left;
  if (first.awaited == Awaited::Nothing) return sentences;
  if (!is_known && (first.awaited == Awaited::Waker || first.awaited == Awaited::Opening)) return sentences;
  for (const WaitStep& step : chain.steps) {
    if (step.stop) {
      sentences.push_back(was_stopped(step, first.end));
    } else if (!step.call) {
      sentences.push_back({.saying = Saying::WasAwake, .arguments = {{"who", step.who}}});
    } else if (step.other.pid != 0) {
      sentences.push_back(waits_for(step));
    } else {
      sentences.push_back(sleeps_in(step));
      if (const auto reason = reason_of(step)) sentences.push_back(*reason);
    }
  }
  if (chain.is_cycle) {
    const Actor& other = chain.steps.back().other;
    const auto back =
        std::ranges::find(chain.steps, other.pid, [](const WaitStep& step) { return step.who.pid; });
    Statement circle{.saying = Saying::WaitsInCircle, .arguments = {{"other", other}}};
    if (back != chain.steps.end() && back->call) circle.add("event", EventNumber{back->call->number});
    sentences.push_back(std::move(circle));
  }
  return sentences;
}

}  // namespace slurper
