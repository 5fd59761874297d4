#include "trace/view/trace_view.h"

#include <algorithm>
#include <utility>

#include "base/json_string.h"
#include "trace/flow/byte_flow.h"
#include "trace/own_events.h"
#include "trace/view/flow_lines.h"
#include "trace/view/summary.h"

namespace slurper {

namespace {

constexpr std::size_t kEnough = std::size_t{64} << 10;  // to be passed on in one piece

}  // namespace

TraceView::TraceView(ViewRequest request, LineOutput output)
    : request_(std::move(request)), output_(std::move(output)) {
  if (request_.mode == ViewMode::Json) request_.options.max_data = 0;
  if (request_.mode == ViewMode::Summary) report_ = std::make_unique<TraceSummary>(model_, request_.options);
  if (request_.mode == ViewMode::Report) report_ = request_.make_report(model_, request_.options);
  const bool shows_bytes = request_.mode == ViewMode::Bytes;
  if (shows_bytes) {
    flow_lines_ = std::make_unique<FlowLines>([this](std::string_view line) {
      if (done_) return;
      lines_ += line;
      end_line();
      if (++matched_ >= request_.max_events) done_ = true;
    });
  }
  if (!shows_bytes && !request_.follows_bytes && !(report_ && report_->follows_bytes())) return;
  flow_ = std::make_unique<ByteFlow>([this](const PipeFlow& pipe, FlowRead read) {
    if (report_) report_->take_flow(read);
    if (flow_lines_) flow_lines_->take(pipe.id(), pipe.name(), std::move(read));
  });
}

TraceView::~TraceView() = default;

void TraceView::flush() {
  if (!lines_.empty() && !output_(lines_)) done_ = true;
  lines_.clear();
}

void TraceView::end_line() {
  lines_ += '\n';
  if (lines_.size() >= kEnough) flush();
}

void TraceView::show(ScapReader& reader) {
  while (!done_) {
    const std::optional<Block> block = reader.next();
    if (!block) break;
    take(*block, reader);
  }
  if (done_ && matched_ < request_.max_events) return;  // the output is gone
  if (!held_call_.empty()) end_held_call(nullptr);
  if (flow_) flow_->finish(model_);
  if (flow_lines_) flow_lines_->finish();
  if (request_.mode == ViewMode::Calls || report_) show_unfinished();
  if (report_) report_->append(lines_);
  flush();
}

void TraceView::take(const Block& block, const ScapReader& reader) {
  if (!holds_event(block.type)) {
    if (!model_.take_table(block)) reader.report(DamageKind::BadEntry, block.offset, 0);
    return;
  }
  const std::optional<ScapEvent> raw = event_in(block);
  if (!raw) return reader.report(DamageKind::BadEvent, block.offset, 0);
  TraceEvent event;
  if (!model_.take(*raw, event)) return;  // of a type that only newer programs know
  if (report_ && (raw->flags & kStateOnly) == 0) report_->observe(event);
  if (flow_) follow_bytes(event);
  if (!held_call_.empty()) {
    const bool is_its_result = raw->type == kResultEvent && raw->tid == held_tid_;
    end_held_call(is_its_result ? &event : nullptr);
    if (is_its_result) {
      unseen_.take(event);
      return show_unseen(event);
    }
  }
  unseen_.take(event);
  if (event.is_own) {
    show_own(event);
  } else if ((raw->flags & kStateOnly) == 0 && request_.mode != ViewMode::Bytes) {
    show_event(event);
    show_blocked(event);
  }
  show_unseen(event);
  unseen_.finish(event);
  model_.finish(event);
}

void TraceView::follow_bytes(TraceEvent& event) {
  const bool filters = request_.mode == ViewMode::Bytes && request_.filter && !event.is_own;
  flow_->take(event, !filters || request_.filter->matches(shown(event)));
}

void TraceView::show_event(TraceEvent& event) {
  const bool is_wanted = !request_.filter || request_.filter->matches(shown(event));
  event.thread->was_shown = is_wanted;
  if (!is_wanted) return;
  switch (request_.mode) {
    case ViewMode::Lines:
      if (request_.format.append(lines_, shown(event))) end_line();
      break;
    case ViewMode::Json:
      if (request_.format.append_json(lines_, shown(event))) end_line();
      break;
    case ViewMode::Calls:
      if (event.is_exit()) {
        show_call(event);
      } else if (event.shape->info->is_single) {
        if (request_.format.append(lines_, shown(event))) end_line();
      }
      break;
    case ViewMode::Summary:
    case ViewMode::Report:
      report_->take(event);
      break;
    case ViewMode::Bytes:
      break;  // flow_lines_ has them
  }
  if (++matched_ >= request_.max_events) done_ = true;
}

void TraceView::show_call(const TraceEvent& exit) {
  if (exit.raw.type == kGenericExit && request_.with_own_events) {
    append_call(held_call_, shown(exit));
    held_tid_ = exit.raw.tid;
    return;
  }
  append_call(lines_, shown(exit));
  end_line();
}

// `result` is the event that has the call's result and arguments, if there is one.
void TraceView::end_held_call(const TraceEvent* result) {
  const std::size_t closing = held_call_.rfind(')');  // only the duration is behind it
  std::string arguments;
  std::string value;
  if (result != nullptr) {
    append_generic_arguments(arguments, shown(*result));
    value = " = ";
    append_result(value, result->raw.number<std::int64_t>(0));
  }
  lines_.append(held_call_, 0, closing);
  lines_.append(arguments, std::min<std::size_t>(1, arguments.size()));
  lines_.append(")").append(value).append(held_call_, closing + 1);
  held_call_.clear();
  end_line();
}

// A loss and a clock that was set concern every thread; the other events, that of which they are.
void TraceView::show_own(const TraceEvent& event) {
  const std::uint16_t type = event.raw.type;
  if ((event.raw.flags & kStateOnly) != 0) return;
  // For fields, the model and ByteFlow.
  if (type == kEndEvent || type == kWakerEvent || type == kOpenEvent) return;
  if (type == kBlockedEvent || type == kMappingEvent || type == kScopeEvent || type == kPipeKindEvent) return;
  const bool is_of_all = type == kDropsEvent || type == kTablesEvent || type == kClockEvent;
  if (!request_.with_own_events || !(is_of_all || event.thread->was_shown)) return;
  if (report_) return report_->take_own(event);
  std::string text;
  append_own_event(text, shown(event));
  append_own_line(event, text, !is_of_all);
}

// With the first event of the process that is shown.
void TraceView::show_unseen(const TraceEvent& event) {
  if (!request_.with_own_events || !event.thread->was_shown || !held_call_.empty()) return;
  if ((event.raw.flags & kStateOnly) != 0) return;  // which is not the thread's last one that may be shown
  for (const std::string& note : unseen_.take_notes(event)) {
    if (report_) {
      report_->take_unseen(event, note);
    } else {
      append_own_line(event, note, true);
    }
  }
}

// Behind the beginning of the call, so that a line that begins with # follows what it belongs to.
void TraceView::show_blocked(const TraceEvent& enter) {
  const PendingCall& call = enter.thread->pending;
  if (!call.is_open || !call.was_blocked || call.number != enter.number) return;
  if (!request_.with_own_events || !enter.thread->was_shown || report_) return;
  append_own_line(enter, std::string("blocked call=").append(event_name(enter)), true);
}

void TraceView::append_own_line(const TraceEvent& event, std::string_view text, bool has_thread) {
  if (request_.mode == ViewMode::Json) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    lines_.append("{\"slurper.event\":\"").append(text.substr(0, blank)).append("\",\"evt.outputtime\":");
    append_number(lines_, event.raw.time);
    lines_ += ",\"thread.tid\":";
    append_number(lines_, event.raw.tid);
    lines_ += ",\"slurper.info\":";
    append_json_string(text.substr(std::min(blank + 1, text.size())), lines_);
    lines_ += '}';
    return end_line();
  }
  lines_ += "# ";
  append_clock(lines_, event.raw.time);
  lines_ += ' ';
  append_number(lines_, event.raw.cpu);
  lines_ += ' ';
  if (has_thread) {
    append_name(lines_, event.thread->name.empty() ? "<NA>" : event.thread->name);
    lines_ += " (";
    append_number(lines_, event.raw.tid);
    lines_ += ") ";
  }
  lines_ += text;
  end_line();
}

// What was under way when the recording ended.
void TraceView::show_unfinished() {
  model_.for_each_pending([this](TraceEvent& event) {
    if (request_.filter && !request_.filter->matches(shown(event))) return;
    if (report_) return report_->take_unfinished(event);
    append_unfinished(lines_, shown(event));
    end_line();
  });
}

}  // namespace slurper
