// Bytes that are thrown away unread when a socket or a FIFO is closed.
#include <algorithm>

#include "trace/explain/recogniser.h"
#include "trace/explain/record_name.h"
#include "trace/explain/tell.h"
#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::uint16_t kClose = 5;

class ThrownAway : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (!event.is_own) {
      last_type_ = event.raw.type;
      return;
    }
    if (event.raw.type == kUnreadEvent) take_socket(event);
    if (event.raw.type == kPipeEvent && last_type_ == kClose) take_fifo(event);
  }

 private:
  void take_socket(const TraceEvent& event) {
    TraceFinding finding = finding_of(event, Pattern::ThrownAway);
    const Bytes bytes{event.raw.number<std::uint64_t>(1)};
    finding.story.push_back(
        {.saying = Saying::ThrownAwayUnread,
         .arguments = {{"who", finding.who}, {"event", EventNumber{event.number}}, {"bytes", bytes}}});
    const Channel* const channel = history_.channel_of(event.file);
    // A connection may be closed when all is said; a message that nothing is connected for is lost.
    finding.is_harm = channel == nullptr && event.file != nullptr && event.file->type == FdType::Unix &&
                      !event.file->name.empty();
    finding.advice.saying = finding.is_harm ? Saying::DoDrain : Saying::DoNothingUnread;
    if (channel != nullptr) {
      const auto other = std::ranges::find_if(
          channel->ends, [&](const ChannelEnd& end) { return end.file != event.file && end.last_write; });
      // They are the end of what was written last.
      if (other != channel->ends.end() && other->last_size >= bytes.count)
        tell_bytes(finding, *other, bytes.count);
    }
    output_(std::move(finding));
  }

  static void tell_bytes(TraceFinding& finding, const ChannelEnd& sender, std::uint64_t count) {
    finding.story.push_back(
        {.saying = Saying::WrittenBy,
         .arguments = {{"writer", sender.last_write.who}, {"event", EventNumber{sender.last_write.number}}}});
    const std::string_view tail = sender.last_tail;
    RecordName record;
    if (count == sender.last_size) {
      record = name_record(sender.last_data, count);
    } else if (count <= tail.size()) {
      record = name_record(tail.substr(tail.size() - count), count);
    }
    if (record.text.empty()) return;
    finding.story.push_back({.saying = Saying::UnreadIs, .arguments = {{"record", record.text}}});
    if (record.is_end_mark) finding.advice.saying = Saying::DoNothingMark;
  }

  // The state is that at the beginning of the close.
  void take_fifo(const TraceEvent& event) {
    const PipeState state{.is_known = true,
                          .slots = event.raw.number<std::uint32_t>(2),
                          .slots_at_most = event.raw.number<std::uint32_t>(3),
                          .readers = event.raw.number<std::uint32_t>(4),
                          .writers = event.raw.number<std::uint32_t>(5)};
    const OpenFilePointer file = closed_file(event);
    const Channel* const channel = history_.channel_of(file);
    if (channel == nullptr || !channel->is_named) return;
    const std::uint32_t own = file->is_for_reading && file->is_for_writing ? 2 : 1;
    if (state.slots == 0 || state.readers + state.writers != own) return;
    TraceFinding finding = finding_of(event, Pattern::ThrownAway);
    // The kernel counts open files; other descriptors may be of the same.
    if (!history_.holders(*channel).empty()) return;
    finding.file = channel->name;
    finding.is_harm = true;
    finding.story.push_back({.saying = Saying::ThrownAwayFifo,
                             .arguments = {{"who", finding.who},
                                           {"event", EventNumber{event.number}},
                                           {"slots", Counted{state.slots, "slot"}}}});
    finding.advice.saying = Saying::DoDrain;
    output_(std::move(finding));
  }

  // The descriptor is closed by now, and what it was is still in the call that closed it.
  static OpenFilePointer closed_file(const TraceEvent& event) {
    return event.file != nullptr ? event.file : event.thread->pending.file;
  }

  std::uint16_t last_type_ = 0;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_thrown_away(History& history, const FindingOutput& output) {
  return std::make_unique<ThrownAway>(history, output);
}

}  // namespace slurper
