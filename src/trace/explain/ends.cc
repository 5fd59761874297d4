// Readers that see the end of a pipe, and what they do then.
#include <algorithm>
#include <cerrno>
#include <map>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::uint16_t kClose = 5;
constexpr std::size_t kMaxOpen = 10'000;

class Ends : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.is_own) return;
    if (event.raw.type == kProcessExit) return take_end(event);
    // The end of a read is near when it begins.
    const bool reads = event.shape->reads || (!event.is_exit() && shape_of(event.raw.type + 1).reads);
    if (reads) return take_read(event);
    if (open_.empty() || !event.is_exit() || !event.has_result()) return;
    if (event.raw.type == kClose && event.result() >= 0) return take_close(event);
    if (event.shape->writes) take_write(event);
  }

  void end() override {
    const std::uint64_t now = history_.model().last_time();
    for (auto& [key, one] : open_) {
      // One that reads no more although there is nothing to read has done no harm; one that was just about to
      // read has not either.
      const bool has_stopped = one.has_left || (still_has(key, one) && now >= one.in_vain_since + kLongWait);
      if (one.in_vain_since != 0 && has_stopped) {
        TraceFinding& finding = one.finding;
        finding.pattern = Pattern::StoppedReader;
        finding.is_harm = true;
        finding.advice.saying = Saying::DoRestartReader;
        if (!one.has_left)
          finding.story.insert(
              finding.story.begin() + 1,
              {.saying = Saying::ReadsNoMore,
               .arguments = {{"reader", finding.who}, {"fd", static_cast<std::uint64_t>(finding.fd)}}});
      }
      output_(std::move(one.finding));
    }
    open_.clear();
  }

 private:
  struct Open {
    TraceFinding finding;
    OpenFilePointer file;
    std::uint64_t in_vain_since = 0;  // the first write that came after it, and that no process has read
    bool has_left = false;            // after that write
  };
  using Key = std::pair<ChannelKey, std::int64_t>;  // the pipe and the process that reads

  void take_read(const TraceEvent& event) {
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr || !channel->is_pipe) return;
    const Key key{channel->key, event.thread->pid};
    const bool is_end =
        event.is_exit() && event.has_result() && event.result() == 0 && size_asked(event) != 0;
    if (!is_end) {
      if (open_.empty()) return;
      if (event.is_exit() && event.has_result() && event.result() > 0) forget_writes(*channel);
      open_.erase(key);  // it reads on
      return;
    }
    if (open_.size() >= kMaxOpen) end();
    TraceFinding finding = finding_of(event, Pattern::EndOfFile);
    const Closing* const closing = channel->last_closing(false, nullptr);
    if (closing != nullptr) {
      finding.story.push_back({.saying = Saying::SawEnd,
                               .arguments = {{"reader", finding.who},
                                             {"event", EventNumber{event.number}},
                                             {"closer", closing->who},
                                             {"before", span_between(closing->time, event.raw.time)},
                                             {"closed", EventNumber{closing->number}}}});
    } else {
      finding.story.push_back({.saying = Saying::SawEndUnknown,
                               .arguments = {{"reader", finding.who}, {"event", EventNumber{event.number}}}});
    }
    finding.advice.saying = channel->is_named ? Saying::DoNothingEnd : Saying::DoNothingAtEnd;
    open_.insert_or_assign(key, Open{.finding = std::move(finding), .file = event.file});
  }

  // They have been read after all, by the same process, which may have opened the FIFO again, or by another.
  void forget_writes(const Channel& channel) {
    for (auto at = first_of(channel); at != open_.end() && at->first.first == channel.key;) {
      Open& one = at->second;
      if (one.in_vain_since != 0) one.finding.story.erase(one.finding.story.begin() + 1);
      one.in_vain_since = 0;
      if (one.has_left) {
        output_(std::move(one.finding));
        at = open_.erase(at);
      } else {
        ++at;
      }
    }
  }

  // Another process writes to the pipe again, which nothing reads.
  void take_write(const TraceEvent& event) {
    const bool is_refused = event.result() == -EAGAIN;
    if (event.result() <= 0 && !is_refused) return;
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr || !channel->is_named) return;
    for (auto at = first_of(*channel); at != open_.end() && at->first.first == channel->key; ++at) {
      Open& one = at->second;
      if (at->first.second == event.thread->pid) continue;
      if (one.in_vain_since != 0) {
        count_in_vain(one.finding.story[1], event.result());
        continue;
      }
      one.in_vain_since = event.raw.time;
      one.finding.story.push_back({.saying = is_refused ? Saying::RefusedInVain : Saying::WrittenInVain,
                                   .arguments = {{"writer", actor_of(*event.model, *event.thread)},
                                                 {"event", EventNumber{event.number}}}});
      one.finding.story.back().add("bytes", Bytes{0});
      one.finding.story.back().add("count", Counted{0, "write"});
      count_in_vain(one.finding.story.back(), event.result());
    }
  }

  static void count_in_vain(Statement& told, std::int64_t result) {
    if (result <= 0) return;
    told.saying = Saying::WrittenInVain;
    for (Argument& one : told.arguments) {
      if (Bytes* const bytes = std::get_if<Bytes>(&one.value))
        bytes->count += static_cast<std::uint64_t>(result);
      if (Counted* const count = std::get_if<Counted>(&one.value)) ++count->count;
    }
  }

  void take_close(const TraceEvent& event) {
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr) return;
    const auto found = open_.find({channel->key, event.thread->pid});
    if (found == open_.end() || found->second.file != event.file) return;
    if (leave(found->second, Saying::ThenClosed, event)) open_.erase(found);
  }

  void take_end(const TraceEvent& event) {
    if (open_.empty() || event.thread->fds.use_count() > 1) return;
    for (auto at = open_.begin(); at != open_.end();) {
      if (at->first.second != event.thread->pid) {
        ++at;
        continue;
      }
      at = leave(at->second, Saying::ThenEnded, event) ? open_.erase(at) : std::next(at);
    }
  }

  // Returns whether all is known by now. What was written in vain may still be read by another reader.
  bool leave(Open& one, Saying saying, const TraceEvent& event) {
    if (one.has_left) return false;
    one.finding.story.push_back(
        {.saying = saying, .arguments = {{"reader", one.finding.who}, {"event", EventNumber{event.number}}}});
    one.has_left = one.in_vain_since != 0;
    if (!one.has_left) output_(std::move(one.finding));
    return !one.has_left;
  }

  std::map<Key, Open>::iterator first_of(const Channel& channel) {
    return open_.lower_bound({channel.key, 0});
  }

  // Another reader may have the FIFO open.
  [[nodiscard]] bool still_has(const Key& key, const Open& one) const {
    const Thread* const process = history_.model().find_thread(key.second);
    return process != nullptr && process->fds->find(one.finding.fd) == one.file;
  }

  std::map<Key, Open> open_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_ends(History& history, const FindingOutput& output) {
  return std::make_unique<Ends>(history, output);
}

}  // namespace slurper
