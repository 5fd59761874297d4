// Writes to a pipe that do not arrive in one piece.
#include <algorithm>
#include <map>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::uint64_t kAtomic = 4096;  // PIPE_BUF, pipe(7)
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kUsualSlots = 16;
constexpr std::uint16_t kClose = 5;

class Torn : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.is_own) return;
    if (event.raw.type == kProcessExit || event.raw.type == kClose) {
      under_way_.erase(event.raw.tid);
      return take_end(event);
    }
    if (event.is_exit()) {
      if (event.shape->writes && event.has_result()) take_exit(event);
    } else if (event.shape->writes && event.raw.param_count > 1) {
      take_enter(event);
    }
  }

 private:
  // A write of more than PIPE_BUF bytes.
  struct Long {
    ChannelKey key;
    std::uint64_t begin = 0;
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::uint64_t others = 0;  // writes of others meanwhile
    std::uint64_t bytes = 0;
    Deed other{};
  };
  // A short write, whose rest is still to come.
  struct Short {
    TraceFinding finding;
    std::int64_t pid = 0;
    bool is_named = false;  // a FIFO
    std::uint64_t missing = 0;
    std::uint64_t others = 0;  // bytes of others since
    Deed other{};
  };
  using Key = std::pair<ChannelKey, std::int64_t>;  // the pipe and the thread

  void take_enter(const TraceEvent& event) {
    const auto size = event.raw.number<std::uint32_t>(1);
    if (size <= kAtomic || event.shape->info->params[1].name != "size") return;
    const Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr || !channel->is_pipe) return;
    under_way_[event.raw.tid] = {
        .key = channel->key, .begin = event.raw.time, .number = event.number, .size = size};
  }

  void take_exit(const TraceEvent& event) {
    const auto own = under_way_.empty() ? under_way_.end() : under_way_.find(event.raw.tid);
    if (own == under_way_.end() && under_way_.empty() && short_.empty()) return;
    const Channel* const channel = history_.channel_of(event.file);
    if (channel != nullptr && channel->is_pipe && event.result() > 0) {
      take_rest(event, *channel);
      note_others(event, *channel);
      if (own != under_way_.end()) {
        tell_mixed(event, *channel, own->second);
        note_short(event, *channel);
      }
    }
    if (own != under_way_.end()) under_way_.erase(own);
  }

  // Only one that has begun later can come between the parts of another.
  void note_others(const TraceEvent& event, const Channel& channel) {
    const auto bytes = static_cast<std::uint64_t>(event.result());
    for (auto& [tid, one] : under_way_) {
      if (tid == event.raw.tid || one.key != channel.key || event.enter == nullptr ||
          event.enter->time < one.begin)
        continue;
      if (one.others++ == 0) one.other = deed_of(event);
      one.bytes += bytes;
    }
    for (auto at = short_.lower_bound({channel.key, 0}); at != short_.end() && at->first.first == channel.key;
         ++at) {
      if (at->first.second == event.raw.tid) continue;
      if (at->second.others == 0) at->second.other = deed_of(event);
      at->second.others += bytes;
    }
  }

  void tell_mixed(const TraceEvent& event, const Channel& channel, const Long& one) {
    if (one.others == 0) return;
    TraceFinding finding = finding_of(event, Pattern::MixedWrites);
    // What fits into the pipe may have come into it before or after the others, in one piece.
    const std::uint64_t room = (channel.pipe.is_known ? channel.pipe.slots_at_most : kUsualSlots) * kPage;
    finding.is_harm = one.size > room;
    finding.story.push_back({.saying = Saying::WroteMeanwhile,
                             .arguments = {{"call", std::string(event_name(event))},
                                           {"size", Bytes{one.size}},
                                           {"event", EventNumber{one.number}},
                                           {"end", EventNumber{event.number}},
                                           {"other", one.other.who},
                                           {"bytes", Bytes{one.bytes}},
                                           {"count", Counted{one.others, "write"}},
                                           {"between", EventNumber{one.other.number}}}});
    finding.story.push_back({.saying = Saying::MayBeMixed});
    finding.advice.saying = Saying::DoWriteAtomically;
    output_(std::move(finding));
  }

  void note_short(const TraceEvent& event, const Channel& channel) {
    const auto size = size_asked(event);
    const auto written = static_cast<std::uint64_t>(event.result());
    if (!size || written >= *size || short_.contains({channel.key, event.raw.tid})) return;
    Short one{.finding = finding_of(event, Pattern::TornWrite),
              .pid = event.thread->pid,
              .is_named = channel.is_named,
              .missing = *size - written};
    one.finding.story.push_back({.saying = Saying::WroteShort,
                                 .arguments = {{"call", std::string(event_name(event))},
                                               {"written", written},
                                               {"size", Bytes{*size}},
                                               {"event", EventNumber{event.number}}}});
    short_.emplace(Key{channel.key, event.raw.tid}, std::move(one));
  }

  // The next bytes of the same thread. What they are is not recorded: more than the rest may begin with it.
  void take_rest(const TraceEvent& event, const Channel& channel) {
    const auto found = short_.find({channel.key, event.raw.tid});
    if (found == short_.end()) return;
    Short& one = found->second;
    if (one.others > 0) {
      one.finding.is_harm = true;
      one.finding.story.push_back({.saying = Saying::OthersBetween,
                                   .arguments = {{"event", EventNumber{event.number}},
                                                 {"other", one.other.who},
                                                 {"bytes", Bytes{one.others}},
                                                 {"between", EventNumber{one.other.number}}}});
      one.finding.advice.saying = Saying::DoWriteAtomically;
      output_(std::move(one.finding));
      short_.erase(found);
      return;
    }
    const auto written = static_cast<std::uint64_t>(event.result());
    if (written >= one.missing) {
      short_.erase(found);
    } else {
      one.missing -= written;
    }
  }

  // Without its rest, a line is torn; if no process reads any more, that is another matter.
  void take_end(const TraceEvent& event) {
    const bool is_close = event.raw.type == kClose;
    if (is_close && (event.result() < 0 || event.file == nullptr)) return;
    for (auto at = short_.begin(); at != short_.end();) {
      Short& one = at->second;
      const bool is_its = one.pid == event.thread->pid &&
                          (is_close ? one.finding.fd == event.fd : event.thread->fds.use_count() == 1);
      if (!is_its) {
        ++at;
        continue;
      }
      if (!has_lost_reader(at->first.first)) {
        // A pipeline that is killed, as by timeout(1), ends in the middle of a line.
        const bool was_killed = !is_close && event.raw.number<std::uint8_t>(2) != 0;
        one.finding.is_harm = one.is_named || !was_killed;
        one.finding.story.push_back({.saying = Saying::RestNeverCame,
                                     .arguments = {{"who", one.finding.who},
                                                   {"event", EventNumber{event.number}},
                                                   {"missing", Bytes{one.missing}}}});
        one.finding.advice.saying = was_killed ? Saying::DoNothingKilled : Saying::DoWriteRest;
        output_(std::move(one.finding));
      }
      at = short_.erase(at);
    }
  }

  // A descriptor may have been closed of which there is another: dup2(2).
  [[nodiscard]] bool has_lost_reader(const ChannelKey& key) {
    bool has_lost = false;
    history_.for_each_channel([&](const Channel& channel) {
      if (channel.key != key || channel.last_closing(true, nullptr) == nullptr) return;
      has_lost = std::ranges::none_of(history_.holders(channel),
                                      [](const Holder& holder) { return holder.file->is_for_reading; });
    });
    return has_lost;
  }

  std::map<std::int64_t, Long> under_way_;  // by thread
  std::map<Key, Short> short_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_torn(History& history, const FindingOutput& output) {
  return std::make_unique<Torn>(history, output);
}

}  // namespace slurper
