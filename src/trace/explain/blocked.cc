// Writes that sleep because a pipe, or the buffer of a socket, is full, what their readers do meanwhile, and
// processes that wait for each other.
#include <algorithm>
#include <cerrno>
#include <map>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"
#include "trace/explain/waits.h"

namespace slurper {

namespace {

constexpr std::int64_t kRestart = -512;  // ERESTARTSYS: the kernel calls again, unless the process ends
constexpr std::string_view kPipeFull = "the pipe was full";
constexpr std::string_view kUnread = "the other end had not read what was written before";

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
    if (is_cut_off) tell_chain(event);  // as a user does who ends a program that hangs
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
    if (channel == nullptr) return;
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
                                               {"full", std::string(channel->is_pipe ? kPipeFull : kUnread)},
                                               {"span", span_between(from, to)},
                                               {"event", EventNumber{number}}}});
    if (saying == Saying::BlockedInterrupted) one.finding.story.back().add("written", Bytes{written});
    const auto reader = reader_of(history_, *channel, *event.file, event.thread->pid);
    // A pipeline waits for its slowest program, and a server for its client. A FIFO and a socket of datagrams
    // are there for many, who all wait.
    one.finding.is_harm = channel->is_named || event.file->is_datagram;
    one.finding.advice.saying = channel->is_named         ? Saying::DoWatchReader
                                : channel->is_pipe        ? Saying::DoNothingSlow
                                : event.file->is_datagram ? Saying::DoWatchServer
                                                          : Saying::DoNothingSlowPeer;
    switch (tell_reader(one.finding, history_, *channel, reader, from, to)) {
      case Waiting::ForReader:
        if (one.finding.story.back().saying == Saying::ReaderUnknown)
          one.finding.advice.saying = Saying::DoRecordReader;
        if (one.finding.story.back().saying == Saying::ReaderLeft && !channel->is_named)
          one.finding.advice.saying = Saying::DoNothingPipeline;
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
    const PendingCall& call = thread.pending;
    if (!call.is_open || call.type == 0 || !shape_of(static_cast<std::uint16_t>(call.type + 1)).writes)
      return;
    Thread copy = thread;
    const TraceEvent pending = history_.model().pending_of(copy);
    const std::uint64_t now = history_.model().last_time();
    if (now < pending.raw.time + kLongWait) return;
    note(pending, {.saying = call.was_blocked ? Saying::BlockedStillEarlier : Saying::BlockedStill,
                   .from = pending.raw.time,
                   .to = now,
                   .number = pending.number});
    tell_chain(pending);
  }

  // Whom the call waits for, and whom that one waits for, and so on.
  void tell_chain(const TraceEvent& call) {
    const Channel* const channel = history_.channel_of(call.file);
    if (channel == nullptr) return;
    const auto found = open_.find({channel->key, call.thread->pid});
    if (found == open_.end()) return;
    TraceFinding& finding = found->second.finding;
    const WaitChain chain = lasting_part_of(chain_of(history_, call));
    if (chain.steps.size() < 2) return;
    for (const WaitStep& step : chain.steps) finding.story.push_back(waits_for(step));
    if (!is_deadlock(history_, chain)) return;
    finding.story.push_back({.saying = Saying::WaitsForEachOther});
    finding.pattern = Pattern::WaitCycle;
    finding.is_harm = true;
    finding.advice = {.saying = Saying::DoBreakCycle};
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
