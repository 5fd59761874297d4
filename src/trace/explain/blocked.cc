// Writes that sleep because a pipe is full, what their readers do meanwhile, and processes that wait for each
// other.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::int64_t kRestart = -512;  // ERESTARTSYS: the kernel calls again, unless the process ends

// A thread that waits for another process.
struct Wait {
  Actor who{};
  Actor other{};
  std::string call{};
  std::string file{};
  std::uint64_t number = 0;
  std::uint64_t since = 0;
  bool writes = false;
};

class Blocked : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    const bool is_long = !event.is_own && event.is_exit() && event.latency() >= kLongWait;
    if (!is_long || !event.shape->writes || !event.has_result()) return;
    const bool is_interrupted = event.result() == -EINTR || event.result() == kRestart;
    if (event.result() <= 0 && !is_interrupted) return;
    const auto written = static_cast<std::uint64_t>(std::max<std::int64_t>(event.result(), 0));
    const bool is_cut_off = is_interrupted || written < size_asked(event).value_or(written);
    const bool began_earlier = event.enter->was_blocked;
    note(event, {.saying = is_cut_off      ? Saying::BlockedInterrupted
                           : began_earlier ? Saying::BlockedForEarlier
                                           : Saying::BlockedFor,
                 .from = event.enter->time,
                 .to = event.raw.time,
                 .number = event.enter->number,
                 .written = written});
    if (!is_cut_off) return;
    // As a user does who ends a program that hangs.
    if (const std::optional<Wait> wait = wait_of(*event.thread, event, true)) tell_chain(event, *wait);
  }

  void end() override {
    history_.model().for_each_thread([this](const Thread& thread) { take_unfinished(thread); });
    for (auto& [key, one] : open_) pass_on(one);
    open_.clear();
  }

 private:
  struct Open {
    TraceFinding finding;
    std::uint64_t more = 0;
    std::uint64_t time = 0;
    std::uint64_t last = 0;
    std::int64_t tid = 0;
  };
  using Key = std::pair<ChannelKey, std::int64_t>;  // the pipe and the process that writes

  // How long it took, or has taken until the recording ended.
  struct Sleep {
    Saying saying{};
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint64_t number = 0;  // of the beginning of the call
    std::uint64_t written = 0;
  };

  void note(const TraceEvent& event, const Sleep& sleep) {
    const auto& [saying, from, to, number, written] = sleep;
    const bool lasts = saying == Saying::BlockedStill || saying == Saying::BlockedStillEarlier;
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr || !channel->is_pipe) return;
    const auto [found, is_new] = open_.try_emplace({channel->key, event.thread->pid});
    Open& one = found->second;
    one.time += to - from;
    one.last = number;
    if (!is_new && !lasts && saying != Saying::BlockedInterrupted) {
      ++one.more;
      return;
    }
    if (!is_new) one = {};  // what lasts is what the user asks about
    one.tid = event.thread->tid;
    one.finding = finding_of(event, Pattern::BlockedWrite);
    one.finding.time = from;
    std::uint64_t size = size_asked(event).value_or(data_of(event).size());
    if (lasts && event.raw.param_count > 1) size = event.raw.number<std::uint32_t>(1);
    one.finding.story.push_back({.saying = saying,
                                 .arguments = {{"call", std::string(event_name(event))},
                                               {"size", Bytes{size}},
                                               {"span", span_between(from, to)},
                                               {"event", EventNumber{number}}}});
    if (saying == Saying::BlockedInterrupted) one.finding.story.back().add("written", Bytes{written});
    const auto reader = reader_of(history_, *channel, event.thread->pid);
    // A pipeline waits for its slowest program.
    one.finding.is_harm = channel->is_named;
    one.finding.advice.saying = channel->is_named ? Saying::DoWatchReader : Saying::DoNothing;
    switch (tell_reader(one.finding, history_, *channel, reader, from, to)) {
      case Waiting::ForReader:
        if (one.finding.story.back().saying == Saying::ReaderUnknown)
          one.finding.advice.saying = Saying::DoRecordReader;
        break;
      case Waiting::ForContinued:
        one.finding.advice.saying = Saying::DoFindStopper;
        break;
      case Waiting::ForStopped:
        one.finding.is_harm = true;
        one.finding.advice = {.saying = Saying::DoContinue,
                              .arguments = {{"pid", static_cast<std::uint64_t>(reader->who.pid)}}};
    }
  }

  void take_unfinished(const Thread& thread) {
    const std::optional<Wait> wait = wait_of(thread);
    if (!wait || !wait->writes) return;
    Thread copy = thread;
    const TraceEvent pending = history_.model().pending_of(copy);
    note(pending, {.saying = thread.pending.was_blocked ? Saying::BlockedStillEarlier : Saying::BlockedStill,
                   .from = wait->since,
                   .to = history_.model().last_time(),
                   .number = wait->number});
    tell_chain(pending, *wait);
  }

  [[nodiscard]] std::optional<Wait> wait_of(const Thread& thread) {
    if (!thread.pending.is_open || thread.pending.type == 0) return std::nullopt;
    const Shape& exit = shape_of(static_cast<std::uint16_t>(thread.pending.type + 1));
    if (!exit.writes && !exit.reads) return std::nullopt;
    Thread copy = thread;
    return wait_of(thread, history_.model().pending_of(copy), exit.writes);
  }

  // What the thread waits for in this call, or did until its end, if that is a pipe.
  [[nodiscard]] std::optional<Wait> wait_of(const Thread& thread, const TraceEvent& call, bool writes) {
    const Channel* const channel = history_.channel_of(call.file);
    const std::uint64_t since = call.is_exit() ? call.enter->time : call.raw.time;
    if (channel == nullptr || !channel->is_pipe || history_.model().last_time() < since + kLongWait)
      return std::nullopt;
    Wait wait{.who = actor_of(history_.model(), thread),
              .call = std::string(event_name(call)),
              .file = channel->name,
              .number = call.is_exit() ? call.enter->number : call.number,
              .since = since,
              .writes = writes};
    // The one process at its other end, if there is one only.
    std::set<std::int64_t> pids;
    for (const Holder& holder : history_.holders(*channel)) {
      if (holder.process->pid == thread.pid || !is_other_end(*channel, holder, wait.writes)) continue;
      wait.other = actor_of(history_.model(), *holder.process);
      pids.insert(holder.process->pid);
    }
    if (pids.size() > 1) wait.other = {};
    return wait;
  }

  static bool is_other_end(const Channel& channel, const Holder& holder, bool writes) {
    const OpenFile& file = *holder.file;
    if (file.is_for_reading != file.is_for_writing) return writes ? file.is_for_reading : file.is_for_writing;
    const auto end = std::ranges::find(channel.ends, holder.file, &ChannelEnd::file);
    return end != channel.ends.end() && (writes ? end->is_reader() : end->is_writer());
  }

  [[nodiscard]] std::optional<Wait> wait_of(std::int64_t tid) {
    const Thread* const thread = history_.model().find_thread(tid);
    return thread == nullptr ? std::nullopt : wait_of(*thread);
  }

  void tell_chain(const TraceEvent& pending, const Wait& first) {
    const auto found = open_.find({history_.channel_of(pending.file)->key, first.who.pid});
    if (found == open_.end() || first.other.pid == 0) return;
    TraceFinding& finding = found->second.finding;
    std::set<std::int64_t> seen = {first.who.pid};
    std::vector<Wait> chain = {first};
    bool is_cycle = false;
    while (chain.back().other.pid != 0 && chain.size() < 16) {
      is_cycle = !seen.insert(chain.back().other.pid).second;
      if (is_cycle) break;
      const std::optional<Wait> next = wait_of(chain.back().other.tid);
      if (!next) break;
      chain.push_back(*next);
    }
    if (chain.size() < 2) return;
    for (const Wait& wait : chain) {
      if (wait.other.pid == 0) break;
      finding.story.push_back({.saying = Saying::WaitsFor,
                               .arguments = {{"who", wait.who},
                                             {"other", wait.other},
                                             {"call", wait.call},
                                             {"file", wait.file},
                                             {"event", EventNumber{wait.number}}}});
    }
    // Only one that comes back to the first, and in which no process has another thread that may go on.
    if (!is_cycle || chain.back().other.pid != first.who.pid || has_threads(seen)) return;
    finding.story.push_back({.saying = Saying::WaitsForEachOther});
    finding.pattern = Pattern::WaitCycle;
    finding.is_harm = true;
    finding.advice = {.saying = Saying::DoBreakCycle};
  }

  [[nodiscard]] bool has_threads(const std::set<std::int64_t>& pids) const {
    bool found = false;
    history_.model().for_each_thread([&](const Thread& thread) {
      found = found || (thread.tid != thread.pid && pids.contains(thread.pid));
    });
    return found;
  }

  void pass_on(Open& one) {
    if (one.more > 0)
      one.finding.story.push_back({.saying = Saying::BlockedMore,
                                   .arguments = {{"count", Counted{one.more, "write"}},
                                                 {"span", Span{one.time}},
                                                 {"event", EventNumber{one.last}}}});
    output_(std::move(one.finding));
  }

  std::map<Key, Open> open_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_blocked(History& history, const FindingOutput& output) {
  return std::make_unique<Blocked>(history, output);
}

}  // namespace slurper
