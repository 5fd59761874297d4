// Readers that see no end of the file, because a process has inherited a descriptor that it does not use.
#include <algorithm>
#include <set>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

constexpr std::int64_t kStandardError = 2;

class Leaks : public Recogniser {
 public:
  using Recogniser::Recogniser;

  // A read that has waited for long, and then came to the end of the file.
  void take(const TraceEvent& event) override {
    const bool is_end = !event.is_own && event.is_exit() && event.shape->reads && event.has_result() &&
                        event.result() == 0 && event.latency() >= kLongWait;
    if (!is_end) return;
    Channel* const channel = history_.channel_of(event.file);
    if (channel == nullptr || !channel->is_pipe) return;
    const Closing* const last = channel->last_closing(false, nullptr);
    if (last == nullptr || !last->is_inherited || has_written(*channel, last->who.pid)) return;
    if (!is_idle(last->fd, last->is_orphan)) return;
    const Deed* const writer = writer_gone(*channel, last->who.pid, last->time);
    if (writer == nullptr) return;
    TraceFinding finding = finding_of(event, Pattern::LeakedWriteEnd);
    finding.time = event.enter->time;
    tell(finding, event, Saying::WaitedForEnd, event.raw.time, *writer);
    finding.story.push_back({.saying = Saying::HeldUntil,
                             .arguments = {{"holder", last->who},
                                           {"event", EventNumber{last->number}},
                                           {"fd", static_cast<std::uint64_t>(last->fd)}}});
    finding.advice = {.saying = Saying::DoCloseInherited, .arguments = {{"holder", last->who}}};
    output_(std::move(finding));
  }

  void end() override {
    history_.model().for_each_thread([this](const Thread& thread) { take_unfinished(thread); });
  }

 private:
  // What a script gives its commands they may use later. A descriptor above the standard ones, or one of a
  // process whose parent has ended, is forgotten.
  static bool is_idle(std::int64_t fd, bool is_orphan) { return fd > kStandardError || is_orphan; }

  static bool has_written(const Channel& channel, std::int64_t pid) {
    return std::ranges::any_of(channel.ends, [&](const ChannelEnd& end) {
      return std::ranges::find(end.writers, pid) != end.writers.end();
    });
  }

  // The process that wrote to the pipe, and has left it; nullptr if it may still come back.
  [[nodiscard]] const Deed* writer_gone(const Channel& channel, std::int64_t but_not, std::uint64_t before) {
    for (const ChannelEnd& end : channel.ends) {
      const Deed& deed = end.last_write;
      if (!deed || deed.who.pid == but_not || deed.time >= before) continue;
      if (has_gone(channel, deed.who.pid)) return &deed;
    }
    return nullptr;
  }
  [[nodiscard]] bool has_gone(const Channel& channel, std::int64_t pid) {
    return std::ranges::none_of(history_.holders(channel),
                                [&](const Holder& holder) { return holder.process->pid == pid; });
  }

  void tell(TraceFinding& finding, const TraceEvent& event, Saying saying, std::uint64_t until,
            const Deed& writer) {
    const bool is_exit = event.is_exit();
    finding.is_harm = true;
    finding.story.push_back(
        {.saying = saying,
         .arguments = {{"reader", finding.who},
                       {"call", std::string(event_name(event))},
                       {"span", span_between(is_exit ? event.enter->time : event.raw.time, until)},
                       {"event", EventNumber{is_exit ? event.enter->number : event.number}}}});
    finding.story.push_back({.saying = Saying::WriterIsGone,
                             .arguments = {{"writer", writer.who}, {"event", EventNumber{writer.number}}}});
  }

  void take_unfinished(const Thread& thread) {
    if (!thread.pending.is_open || thread.pending.type == 0 ||
        !shape_of(static_cast<std::uint16_t>(thread.pending.type + 1)).reads)
      return;
    Thread copy = thread;
    const TraceEvent pending = history_.model().pending_of(copy);
    const std::uint64_t now = history_.model().last_time();
    Channel* const channel = history_.channel_of(pending.file);
    if (channel == nullptr || !channel->is_pipe || now < pending.raw.time + kLongWait) return;
    const Holder* leak = nullptr;
    const std::vector<Holder> holders = history_.holders(*channel);
    for (const Holder& holder : holders) {
      if (!holder.file->is_for_writing && std::ranges::none_of(channel->ends, [&](const ChannelEnd& end) {
            return end.file == holder.file && end.is_writer();
          }))
        continue;
      const bool is_inherited = holder.file->opener_pid != holder.process->pid;
      const bool is_orphan = history_.has_ended(holder.process->parent);
      // A single one that may still write, or that keeps the pipe open on purpose, is enough.
      if (!is_inherited || has_written(*channel, holder.process->pid) || !is_idle(holder.fd, is_orphan))
        return;
      leak = &holder;
    }
    if (leak == nullptr) return;
    const Deed* const writer = writer_gone(*channel, leak->process->pid, now);
    if (writer == nullptr) return;
    TraceFinding finding = finding_of(pending, Pattern::LeakedWriteEnd);
    tell(finding, pending, Saying::WaitsForEnd, now, *writer);
    // Its output may be what a daemon of few words writes to; another descriptor is none that it uses.
    finding.is_harm = leak->fd > kStandardError;
    const Actor holder = actor_of(history_.model(), *leak->process);
    finding.story.push_back(
        {.saying = Saying::StillHolds,
         .arguments = {{"holder", holder}, {"fd", static_cast<std::uint64_t>(leak->fd)}}});
    finding.advice = {.saying = Saying::DoCloseInherited, .arguments = {{"holder", holder}}};
    output_(std::move(finding));
  }
};

}  // namespace

std::unique_ptr<Recogniser> recognise_leaks(History& history, const FindingOutput& output) {
  return std::make_unique<Leaks>(history, output);
}

}  // namespace slurper
