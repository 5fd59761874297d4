#include "trace/view/capture_filter.h"

#include "trace/model/effects.h"
#include "trace/own_events.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

namespace {

constexpr std::uint16_t kIoUringEnter = 426;  // a system call on x86-64

// The event as it is, or as one that changes what is known and is not shown.
void append_kept(std::string& out, const Block& block, bool is_shown) {
  const bool is_large = block.type == kLargeEventBlock;
  if (is_shown || (block.type != kEventBlock && !is_large)) return append_block(out, block.type, block.body);
  std::string body(block.body);
  body.insert(sizeof(std::uint16_t), reinterpret_cast<const char*>(&kStateOnly), sizeof kStateOnly);
  append_block(out, is_large ? kLargeFlaggedEventBlock : kFlaggedEventBlock, body);
}

}  // namespace

// An exit needs its enter event, which has the descriptor and the time: if that was not kept, it stands
// directly in front of the exit. Readers take events whose times are out of order.
void CaptureFilter::take(const Block& block, TraceEvent& event, std::string& out) {
  if (event.is_own) return take_own(block, event, out);
  if ((event.raw.flags & kStateOnly) != 0) return append_block(out, block.type, block.body);
  ++events_;
  const bool matches = filter_.matches({event, view_, scratch_});
  matched_ += matches ? 1 : 0;
  event.thread->was_shown = matches;
  ThreadState& state = threads_[event.raw.tid];
  const bool begins = !event.is_exit() && !event.shape->info->is_single;
  const bool ends_kept_call = event.is_exit() && state.has_begun;
  state.is_kept = matches || ends_kept_call || changes_state(event) || tells_of_unseen(event);
  if (begins) event.thread->pending.is_hidden = !matches;
  if (state.is_kept) {
    const bool lacks_enter = event.enter != nullptr && !state.has_begun;
    if (lacks_enter) model_.append_begin(out, *event.thread);
    if (begins && event.thread->pending.was_blocked) model_.append_blocked(out, *event.thread);
    append_kept(out, block, matches);
  }
  if (begins || event.is_exit()) state.has_begun = begins && state.is_kept;
  if (event.raw.type != kProcessExit) return;
  threads_.erase(event.raw.tid);
  uses_io_uring_.erase(event.raw.tid);
}

// Once for each process, for this call is frequent.
bool CaptureFilter::tells_of_unseen(const TraceEvent& event) {
  if (event.raw.type != kGenericExit || event.enter == nullptr) return false;
  const bool is_it = event.enter->event(event.raw.tid).number<std::uint16_t>(1) == kIoUringEnter;
  return is_it && uses_io_uring_.insert(event.thread->pid).second;
}

// A pipe's state is what fields show of later events.
bool CaptureFilter::is_news_of_pipe(const TraceEvent& event) {
  constexpr std::size_t kMaxPipes = 4096;
  if (pipes_.size() >= kMaxPipes) pipes_.clear();
  std::string& last = pipes_[{event.thread->pid, event.fd}];
  if (last == event.raw.values) return false;
  last = event.raw.values;
  return true;
}

void CaptureFilter::take_own(const Block& block, const TraceEvent& event, std::string& out) {
  const auto found = threads_.find(event.raw.tid);
  const ThreadState state = found == threads_.end() ? ThreadState() : found->second;
  bool is_shown = event.thread->was_shown;
  bool is_kept = state.is_kept;
  switch (event.raw.type) {
    case kDropsEvent:
      lost_ += event.raw.number<std::uint64_t>(1);
      [[fallthrough]];
    case kTablesEvent:
    case kClockEvent:
    case kEndEvent:
      is_kept = is_shown = true;
      break;
    case kIdentityEvent:
    case kSentEvent:
    case kReceivedEvent:
    case kOpenEvent:
    case kMappingEvent:
      is_kept = true;
      break;
    case kPipeEvent:  // of a flood of refused writes, each has the same
      is_kept = is_news_of_pipe(event) || is_kept;
      break;
    case kBlockedEvent:  // else it is written with the enter event
      is_kept = event.raw.number<std::uint8_t>(0) == kStillSleeps && state.has_begun;
      break;
    case kScopeEvent:  // they would say that all who use a pipe are in the capture
    case kPipeKindEvent:
      is_kept = false;
      break;
    case kWakerEvent:  // so is that
      is_kept = state.has_begun;
      break;
    default:
      break;
  }
  if (is_kept) append_kept(out, block, is_shown);
}

}  // namespace slurper
