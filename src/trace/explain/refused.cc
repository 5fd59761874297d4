// Writes that fail because the other end is closed, connections that are reset, and deaths by SIGPIPE.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>

#include "trace/explain/recogniser.h"
#include "trace/explain/record_name.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxOpen = 10'000;  // findings to which something may be added

class Refused : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.raw.type == kProcessExit && !event.is_own) return take_end(event);
    if (event.is_own || !event.is_exit() || !event.has_result()) return;
    const std::int64_t result = event.result();
    const bool is_reset = result == -ECONNRESET && (event.shape->reads || event.shape->writes);
    if (!is_reset && (result != -EPIPE || !event.shape->writes)) return;
    take_failure(event);
  }

  void end() override {
    for (auto& [key, one] : open_) pass_on(one);
    open_.clear();
  }

 private:
  struct Open {
    TraceFinding finding;
    std::uint64_t more = 0;
    std::uint64_t last = 0;  // the event of the last of them
  };
  using Key = std::pair<std::int64_t, ChannelKey>;  // the process and the connection

  void pass_on(Open& one) {
    if (one.more > 0)
      one.finding.story.push_back(
          {.saying = Saying::RefusedMore,
           .arguments = {{"count", Counted{one.more, "call"}}, {"event", EventNumber{one.last}}}});
    output_(std::move(one.finding));
  }

  void take_failure(const TraceEvent& event) {
    Channel* const channel = history_.channel_of(event.file);
    const Key key{event.thread->pid, channel == nullptr ? ChannelKey{} : channel->key};
    if (const auto found = open_.find(key); found != open_.end()) {
      ++found->second.more;
      found->second.last = event.number;
      return;
    }
    if (open_.size() >= kMaxOpen) end();
    open_.emplace(key, Open{.finding = explain(event, channel)});
  }

  TraceFinding explain(const TraceEvent& event, Channel* channel) {
    const bool reads = event.shape->reads;
    TraceFinding finding = finding_of(event, reads ? Pattern::Reset : Pattern::RefusedWrite);
    finding.is_harm = true;
    const Closing* closing = channel == nullptr ? nullptr : channel->last_closing(true, event.file.get());
    if (closing != nullptr && channel->was_written_after(*closing, *event.file)) closing = nullptr;
    tell_cause(finding, event, channel, closing);
    if (closing != nullptr && !channel->is_pipe) tell_reading(finding, event, *channel, *closing);
    finding.advice.saying = reads ? Saying::DoAskPeer : Saying::DoReadToEnd;
    if (reads && closing != nullptr) judge_answer(finding, event, *channel, *closing);
    if (!reads) {
      const auto size = size_asked(event).value_or(data_of(event).size());
      const RecordName record = name_record(data_of(event), size);
      if (!record.text.empty())
        finding.story.push_back({.saying = Saying::RefusedIs, .arguments = {{"record", record.text}}});
      if (record.is_end_mark) finding.advice.saying = Saying::DoReadToMark;
    }
    if (channel != nullptr && channel->is_pipe) judge_pipe(finding, *channel, closing);
    if (!reads && closing != nullptr && !channel->is_pipe)
      judge_farewell(finding, *channel, *closing, *event.file);
    return finding;
  }

  // A pipeline ends when its reader has what it wants. That it was killed is another matter.
  static void judge_pipe(TraceFinding& finding, const Channel& channel, const Closing* closing) {
    constexpr std::array<std::int64_t, 7> kCrashes = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE,
                                                      SIGILL,  SIGKILL, SIGSYS};
    const bool was_killed =
        closing != nullptr && std::ranges::find(kCrashes, closing->signal) != kCrashes.end();
    finding.is_harm = channel.is_named || was_killed;
    finding.advice.saying = was_killed         ? Saying::DoFindKiller
                            : channel.is_named ? Saying::DoReopen
                                               : Saying::DoNothingPipeline;
  }

  void tell_cause(TraceFinding& finding, const TraceEvent& event, const Channel* channel,
                  const Closing* closing) {
    Statement cause{.arguments = {{"call", std::string(event_name(event))},
                                  {"size", Bytes{size_asked(event).value_or(data_of(event).size())}},
                                  {"error", std::string(errno_name(-event.result()))},
                                  {"event", EventNumber{event.number}}}};
    const auto say = [&](Saying saying, const Deed* deed) {
      if (deed != nullptr) {
        cause.add("closer", deed->who);
        cause.add("before", span_between(deed->time, event.raw.time));
        cause.add("closed", EventNumber{deed->number});
      }
      cause.saying = saying;
      finding.story.push_back(std::move(cause));
    };
    if (event.shape->reads) return say(Saying::ReadReset, nullptr);
    if (channel == nullptr) return say(Saying::RefusedUnknown, nullptr);
    if (closing == nullptr) {
      for (const ChannelEnd& end : channel->ends) {
        if (!end.shutdown) continue;
        return say(end.file == event.file ? Saying::RefusedOwnShutDown : Saying::RefusedShutDown,
                   &end.shutdown);
      }
      return say(Saying::RefusedUnknown, nullptr);
    }
    if (closing->signal != 0) cause.add("signal", signal_name(closing->signal));
    say(closing->signal != 0 ? Saying::RefusedKilled
        : closing->by_end    ? Saying::RefusedEnded
                             : Saying::RefusedClosed,
        closing);
  }

  // What the peer had read of what it got.
  static void tell_reading(TraceFinding& finding, const TraceEvent& event, const Channel& channel,
                           const Closing& closing) {
    if (event.shape->reads)
      finding.story.push_back({.saying = closing.by_end ? Saying::PeerEnded : Saying::PeerClosed,
                               .arguments = {{"closer", closing.who},
                                             {"before", span_between(closing.time, event.raw.time)},
                                             {"event", EventNumber{closing.number}}}});
    const auto own = std::ranges::find(channel.ends, event.file, &ChannelEnd::file);
    const auto other =
        std::ranges::find_if(channel.ends, [&](const ChannelEnd& end) { return end.file != event.file; });
    if (own == channel.ends.end() || other == channel.ends.end() || other->read > own->written) return;
    finding.story.push_back(
        {.saying = Saying::PeerHadRead,
         .arguments = {{"closer", closing.who}, {"read", other->read}, {"written", Bytes{own->written}}}});
  }

  // The peer has answered before it closed, and the whole answer has been read: instead of the end of the
  // file, the kernel reports that the peer had not read all.
  static void judge_answer(TraceFinding& finding, const TraceEvent& event, Channel& channel,
                           const Closing& closing) {
    const ChannelEnd* const own = channel.end_of(event.file.get());
    const auto other = std::ranges::find_if(
        channel.ends, [&](const ChannelEnd& end) { return end.file != event.file && end.written > 0; });
    if (own == nullptr || other == channel.ends.end() || own->read < other->written) return;
    finding.is_harm = false;
    finding.story.push_back({.saying = Saying::AllWasRead,
                             .arguments = {{"who", finding.who},
                                           {"bytes", Bytes{other->written}},
                                           {"closer", closing.who},
                                           {"event", EventNumber{other->last_write.number}}}});
    finding.advice.saying = Saying::DoNothingAnswered;
  }

  // A client had all its answers, said goodbye (as PostgreSQL's and TLS's do), and left at once: it waits for
  // nothing that its server may say. One that has waited has lost an answer.
  static void judge_farewell(TraceFinding& finding, Channel& channel, const Closing& closing,
                             const OpenFile& file) {
    constexpr std::uint64_t kAtOnce = 10'000'000;  // nanoseconds
    const ChannelEnd* const server = channel.end_of(&file);
    const auto client = std::ranges::find_if(
        channel.ends, [&](const ChannelEnd& end) { return end.file.get() != &file && end.last_write; });
    if (server == nullptr || !server->was_accepted || client == channel.ends.end()) return;
    const Deed& last_word = client->last_write;
    const bool had_answers =
        client->last_read.number > client->write_before && client->read >= server->written;
    const bool said_goodbye =
        last_word.number > client->last_read.number && closing.time <= last_word.time + kAtOnce;
    if (!had_answers || !said_goodbye || closing.signal != 0) return;
    finding.is_harm = false;
    finding.story.push_back({.saying = Saying::LeftAtOnce,
                             .arguments = {{"closer", closing.who},
                                           {"bytes", Bytes{client->last_size}},
                                           {"event", EventNumber{last_word.number}},
                                           {"after", span_between(last_word.time, closing.time)}}});
    finding.advice.saying = Saying::DoNothingLeft;
  }

  void take_end(const TraceEvent& event) {
    const bool by_sigpipe = event.raw.number<std::uint8_t>(2) == SIGPIPE;
    bool is_explained = false;
    const auto first = open_.lower_bound({event.thread->pid, {}});
    for (auto at = first; at != open_.end() && at->first.first == event.thread->pid;) {
      TraceFinding& finding = at->second.finding;
      const bool is_it = by_sigpipe && finding.pattern == Pattern::RefusedWrite;
      if (is_it)
        finding.story.push_back(
            {.saying = Saying::SigpipeEnded, .arguments = {{"event", EventNumber{event.number}}}});
      is_explained = is_explained || is_it;
      pass_on(at->second);
      at = open_.erase(at);
    }
    if (!by_sigpipe || is_explained || event.thread->tid != event.thread->pid) return;
    TraceFinding finding = finding_of(event, Pattern::KilledBySigpipe);
    finding.story.push_back(
        {.saying = Saying::SigpipeAlone, .arguments = {{"event", EventNumber{event.number}}}});
    finding.advice.saying = Saying::DoFindSender;
    output_(std::move(finding));
  }

  std::map<Key, Open> open_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_refused(History& history, const FindingOutput& output) {
  return std::make_unique<Refused>(history, output);
}

}  // namespace slurper
