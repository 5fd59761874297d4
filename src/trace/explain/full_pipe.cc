// Writes to a pipe that fail because it is full, and what becomes of their bytes.
#include <algorithm>
#include <cerrno>
#include <map>
#include <unordered_map>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"
#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::uint16_t kFcntlExit = 151;
constexpr std::uint8_t kSetFlags = 5;  // F_SETFL, as captures have it
constexpr std::size_t kPage = 4096;
constexpr std::size_t kMaxFiles = 10'000;

class FullPipes : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.is_own) {
      if (event.raw.type == kPipeEvent) take_state(event);
    } else if (event.raw.type == kProcessExit) {
      take_end(event);
    } else if (event.raw.type == kFcntlExit) {
      take_flags(event);
    } else if (event.is_exit() && event.shape->writes && event.has_result()) {
      if (event.result() == -EAGAIN) take_refusal(event);
      if (event.result() > 0 && !open_.empty()) take_success(event);
    }
  }

  void end() override {
    const std::uint64_t now = history_.model().last_time();
    for (auto& [key, one] : open_) {
      one.finding.is_harm = now >= one.finding.time + kLongWait;
      one.finding.story.push_back(
          {.saying = Saying::StillRefused, .arguments = {{"later", span_between(one.finding.time, now)}}});
      pass_on(one);
    }
    open_.clear();
  }

 private:
  struct Open {
    TraceFinding finding;
    std::string data;  // that was refused first
    std::uint64_t more = 0;
    std::uint64_t last = 0;
    std::uint64_t number = 0;
    std::optional<PipeReader> reader = {};
    OpenFilePointer file = {};
    bool has_state = false;
    bool is_own_pipe = false;  // one without a name that the writer reads itself
  };
  using Key = std::pair<std::int64_t, ChannelKey>;
  struct Flags {
    OpenFilePointer file;  // so that no other file gets its address
    std::vector<Deed> deeds;
  };

  void take_flags(const TraceEvent& event) {
    if (event.enter == nullptr || event.result() < 0 || event.file == nullptr) return;
    if (event.enter->event(event.raw.tid).number<std::uint8_t>(1) != kSetFlags) return;
    if (history_.channel_of(event.file) == nullptr) return;
    if (flags_.size() >= kMaxFiles) flags_.clear();
    Flags& flags = flags_[event.file.get()];
    flags.file = event.file;
    if (flags.deeds.size() < 16) flags.deeds.push_back(deed_of(event));
  }

  void take_refusal(const TraceEvent& event) {
    // A FIFO that was opened during the recording is known as one from the pipe's state on, which follows.
    const bool may_be_fifo =
        event.file != nullptr && (event.file->type == FdType::Fifo || event.file->type == FdType::File);
    if (!may_be_fifo) return;
    const Channel* const channel = history_.channel_of(event.file);
    const Key key{event.thread->pid, channel == nullptr ? ChannelKey{event.file->inode, 0} : channel->key};
    if (const auto found = open_.find(key); found != open_.end()) {
      ++found->second.more;
      found->second.last = event.number;
      return;
    }
    Open one{.finding = finding_of(event, Pattern::FullPipe),
             .data = std::string(data_of(event)),
             .last = event.number,
             .number = event.number,
             .file = event.file};
    one.finding.story.push_back({.saying = Saying::FullUnknown,
                                 .arguments = {{"call", std::string(event_name(event))},
                                               {"size", Bytes{size_asked(event).value_or(one.data.size())}},
                                               {"event", EventNumber{event.number}}}});
    if (channel != nullptr) {
      one.reader = reader_of(history_, *channel, *event.file, event.thread->pid);
      one.is_own_pipe = !channel->is_named && !one.reader && holds_both_ends(history_, one.finding);
      tell_flags(one.finding, event);
      (void)tell_reader(one.finding, history_, *channel, one.reader,
                        one.reader && one.reader->last_read ? one.reader->last_read.time : event.first_time,
                        event.raw.time);
    }
    open_.emplace(key, std::move(one));
  }

  // Another process has set the flags of the open file, and this one has not.
  void tell_flags(TraceFinding& finding, const TraceEvent& event) {
    const auto found = flags_.find(event.file.get());
    if (found == flags_.end()) return;
    const auto& deeds = found->second.deeds;
    const std::int64_t pid = event.thread->pid;
    if (std::ranges::any_of(deeds, [&](const Deed& deed) { return deed.who.pid == pid; })) return;
    if (event.file->is_nonblocking) return;
    finding.story.push_back(
        {.saying = Saying::FlagsSet,
         .arguments = {{"who", deeds.back().who}, {"event", EventNumber{deeds.back().number}}}});
  }

  // The recorder writes the state of the pipe behind the refused call.
  void take_state(const TraceEvent& event) {
    if (open_.empty() || event.file == nullptr) return;
    const Channel* const channel = history_.channel_of(event.file);
    for (auto& [key, one] : open_) {
      if (key.first != event.thread->pid || one.has_state || one.number != event.number) continue;
      one.has_state = true;
      const PipeState& pipe = event.file->pipe;
      Statement& first = one.finding.story.front();
      first.saying = Saying::FullRefused;
      first.add("slots", std::uint64_t{pipe.slots});
      first.add("slots_at_most", std::uint64_t{pipe.slots_at_most});
      if (channel == nullptr || !channel->is_whole) return;
      const std::uint64_t held = channel->written - std::min(channel->written, channel->read);
      const std::uint64_t room = pipe.slots_at_most * kPage;
      if (held * 4 < room * 3 && pipe.slots >= pipe.slots_at_most)
        one.finding.story.insert(
            one.finding.story.begin() + 1,
            {.saying = Saying::FullBySlots, .arguments = {{"held", Bytes{held}}, {"room", Bytes{room}}}});
      return;
    }
  }

  void take_success(const TraceEvent& event) {
    const auto found = find(event);
    if (found == open_.end()) return;
    Open& one = found->second;
    const std::string_view data = data_of(event);
    const std::size_t size = std::min(data.size(), one.data.size());
    // Both lines may begin alike: then nothing is known to be lost.
    const bool is_same = data.substr(0, size) == std::string_view(one.data).substr(0, size);
    one.finding.is_harm = !is_same;
    const Saying saying = size == 0 ? Saying::WroteAgain : is_same ? Saying::Retried : Saying::NotRetried;
    one.finding.story.push_back({.saying = saying, .arguments = {{"event", EventNumber{event.number}}}});
    pass_on(one);
    open_.erase(found);
  }

  std::map<Key, Open>::iterator find(const TraceEvent& event) {
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr) return open_.end();
    const auto found = open_.find({event.thread->pid, channel->key});
    return found != open_.end() ? found : open_.find({event.thread->pid, {channel->key.first, 0}});
  }

  void take_end(const TraceEvent& event) {
    if (event.thread->fds.use_count() > 1) return;  // other threads go on
    const auto first = open_.lower_bound({event.thread->pid, {}});
    for (auto at = first; at != open_.end() && at->first.first == event.thread->pid; at = open_.erase(at)) {
      at->second.finding.is_harm = true;
      at->second.finding.story.push_back(
          {.saying = Saying::WriterEnded, .arguments = {{"event", EventNumber{event.number}}}});
      pass_on(at->second);
    }
  }

  void pass_on(Open& one) {
    TraceFinding& finding = one.finding;
    if (one.more > 0)
      finding.story.insert(finding.story.begin() + 1, {.saying = Saying::FullMore,
                                                       .arguments = {{"count", Counted{one.more, "write"}},
                                                                     {"event", EventNumber{one.last}}}});
    // Programs wake their own event loop so: one byte in the pipe is enough for that.
    if (one.is_own_pipe) finding.is_harm = false;
    finding.advice.saying = finding.is_harm   ? Saying::DoLetRead
                            : one.is_own_pipe ? Saying::DoNothingOwnPipe
                                              : Saying::DoNothingRetried;
    output_(std::move(finding));
  }

  std::map<Key, Open> open_;
  std::unordered_map<const OpenFile*, Flags> flags_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_full_pipes(History& history, const FindingOutput& output) {
  return std::make_unique<FullPipes>(history, output);
}

}  // namespace slurper
