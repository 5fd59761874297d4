// TraceView: shows the events of a capture, line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "trace/model/model.h"
#include "trace/scap/scap_reader.h"
#include "trace/view/fields.h"
#include "trace/view/line_format.h"
#include "trace/view/report.h"
#include "trace/view/unseen.h"

namespace slurper {

class ByteFlow;
class FlowLines;

enum class ViewMode : std::uint8_t { Lines, Json, Calls, Summary, Bytes, Report };

struct ViewRequest {
  ViewMode mode = ViewMode::Lines;
  ViewOptions options{};
  LineFormat format;
  std::optional<TraceFilter> filter{};
  std::uint64_t max_events = UINT64_MAX;  // that the filter lets through
  bool follows_bytes = false;             // for `pipe.offset`; ViewMode::Bytes does so by itself
  bool with_own_events = true;            // those that sysdig does not know, as lines that begin with #
  MakeReport make_report{};               // ViewMode::Report
};

// Receives lines. Returns false if it wants no more.
using LineOutput = std::function<bool(std::string_view lines)>;

// One thread uses it.
class TraceView {
 public:
  TraceView(ViewRequest request, LineOutput output);
  ~TraceView();
  TraceView(const TraceView&) = delete;
  TraceView& operator=(const TraceView&) = delete;

  // Reads until the end of the capture, or until the output wants no more.
  void show(ScapReader& reader);
  // Passes on what is buffered: call it before waiting for more of the capture.
  void flush();

 private:
  void take(const Block& block, const ScapReader& reader);
  void show_event(TraceEvent& event);
  void follow_bytes(TraceEvent& event);
  void show_own(const TraceEvent& event);
  void show_unseen(const TraceEvent& event);
  void show_blocked(const TraceEvent& enter);
  void append_own_line(const TraceEvent& event, std::string_view text, bool has_thread);
  void show_call(const TraceEvent& exit);
  void end_held_call(const TraceEvent* result);
  void show_unfinished();
  [[nodiscard]] ShownEvent shown(const TraceEvent& event) { return {event, request_.options, scratch_}; }
  void end_line();

  ViewRequest request_;
  LineOutput output_;
  Model model_;
  Unseen unseen_;
  std::unique_ptr<TraceReport> report_;
  std::unique_ptr<FlowLines> flow_lines_;
  std::unique_ptr<ByteFlow> flow_;
  std::string lines_;
  std::string scratch_;
  // The line of a call that sysdig knows by name only: its result may be the next event.
  std::string held_call_;
  std::int64_t held_tid_ = 0;
  std::uint64_t matched_ = 0;
  bool done_ = false;
};

// One call in one line: "read(fd=3(<f>/etc/passwd) size=10 data=abc) = 3 <0.000012>". `exit` may lack its
// enter.
void append_call(std::string& out, const ShownEvent& exit);
// The beginning of the call that this exit ends, as an event of its own, with what is known now. The exit has
// its enter.
[[nodiscard]] TraceEvent enter_of(const TraceEvent& exit);
// What was begun and has not ended: "read(fd=3(<f>/etc/passwd) size=10 <unfinished ...>".
void append_unfinished(std::string& out, const ShownEvent& enter);
// Of kResultEvent: the call's name, its first descriptor or -1, and the call in one line, as append_call()
// has it.
[[nodiscard]] std::string_view generic_call_name(const TraceEvent& result);
[[nodiscard]] std::int64_t generic_descriptor(const TraceEvent& result);
void append_generic_call(std::string& out, const ShownEvent& result);
// " fd=3(<f>/a)": the arguments that slurper has recorded with a result.
void append_generic_arguments(std::string& out, const ShownEvent& result);
// "-5(EIO)"
void append_result(std::string& out, std::int64_t result);
// What an event of slurper's own says: "drops cpu=1 lost=17".
void append_own_event(std::string& out, const ShownEvent& event);

}  // namespace slurper
