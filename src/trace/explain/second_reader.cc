// Processes that read from a FIFO which has a reader already.
#include <algorithm>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"

namespace slurper {

namespace {

class SecondReaders : public Recogniser {
 public:
  using Recogniser::Recogniser;

  // The history counts what each end reads.
  void take(const TraceEvent& /*event*/) override {}

  void end() override {
    history_.for_each_channel([this](const Channel& channel) {
      if (!channel.is_named) return;
      for (const ChannelEnd& second : channel.ends) {
        if (is_candidate(second)) take_second(channel, second);
      }
    });
  }

 private:
  // A process that also writes takes and puts back tokens, as the jobs of make do. One whose opening is not
  // in the capture may share the open file with others.
  static bool is_candidate(const ChannelEnd& end) {
    return end.reads > 0 && end.writes == 0 && end.file->was_opened_here && !end.file->is_for_writing;
  }

  // In a read, or in a call that waits for something to read, when the recording ended.
  [[nodiscard]] bool waits_to_read(const ChannelEnd& end) const {
    const Thread* const thread = history_.model().find_thread(end.last_read.who.tid);
    if (thread == nullptr || !thread->pending.is_open || thread->pending.type == 0 || end.closing)
      return false;
    const Shape& exit = shape_of(static_cast<std::uint16_t>(thread->pending.type + 1));
    return exit.waits || (exit.reads && thread->pending.file == end.file);
  }

  // Of two readers at the same time, the second is the one that came later.
  void take_second(const Channel& channel, const ChannelEnd& second) {
    const ChannelEnd* first = nullptr;
    for (const ChannelEnd& end : channel.ends) {
      const bool is_other = &end != &second && end.reads > 0 && end.writes == 0 &&
                            end.last_read.who.pid != second.last_read.who.pid;
      const bool came_before = !end.file->was_opened_here || end.file->opened_at < second.file->opened_at;
      // It has read after the second one did, or was still there to read.
      const bool still_reads = end.last_read.time > second.first_read.time || waits_to_read(end);
      if (is_other && came_before && still_reads && (first == nullptr || end.read > first->read))
        first = &end;
    }
    if (first == nullptr) return;
    const Actor& second_who = second.last_read.who;
    const Actor& first_who = first->last_read.who;
    TraceFinding finding{.pattern = Pattern::SecondReader,
                         .is_harm = true,
                         .time = second.first_read.time,
                         .who = second_who,
                         .fd = second.last_read.fd,
                         .file = channel.name};
    finding.story.push_back(
        {.saying = Saying::SecondOpened,
         .arguments = {
             {"second", second_who}, {"time", Moment{second.file->opened_at}}, {"first", first_who}}});
    finding.story.push_back({.saying = second.reads == 1 ? Saying::SecondTookOnce : Saying::SecondTook,
                             .arguments = {{"second", second_who},
                                           {"first", first_who},
                                           {"bytes", Bytes{second.read}},
                                           {"reads", Counted{second.reads, "read"}},
                                           {"event", EventNumber{second.first_read.number}},
                                           {"last", EventNumber{second.last_read.number}}}});
    finding.story.push_back({.saying = Saying::FirstRead,
                             .arguments = {{"first", first_who},
                                           {"bytes", Bytes{first->read}},
                                           {"event", EventNumber{first->last_read.number}}}});
    finding.advice = {.saying = Saying::DoEndSecond, .arguments = {{"second", second_who}}};
    output_(std::move(finding));
  }
};

}  // namespace

std::unique_ptr<Recogniser> recognise_second_readers(History& history, const FindingOutput& output) {
  return std::make_unique<SecondReaders>(history, output);
}

}  // namespace slurper
