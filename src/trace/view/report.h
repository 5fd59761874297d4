// TraceReport: what is made of a whole capture, instead of lines: a summary, a page.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "trace/flow/transfer.h"
#include "trace/view/shown_event.h"

namespace slurper {

// One thread uses it. TraceView calls it with what the filter lets through.
class TraceReport {
 public:
  TraceReport() = default;
  TraceReport(const TraceReport&) = delete;
  TraceReport& operator=(const TraceReport&) = delete;
  virtual ~TraceReport() = default;

  // Each event that changes more than state, whatever the filter says, slurper's own included, before the
  // others.
  virtual void observe(const TraceEvent& /*event*/) {}
  // Whether it wants take_flow(), which takes time: what each read from a pipe has returned, whatever the
  // filter says, as soon as that is known.
  [[nodiscard]] virtual bool follows_bytes() const { return false; }
  virtual void take_flow(const FlowRead& /*read*/) {}
  virtual void take(const TraceEvent& event) = 0;
  // An event of slurper's own.
  virtual void take_own(const TraceEvent& event) = 0;
  // The beginning of a call that had not ended when the capture did: after all events.
  virtual void take_unfinished(const TraceEvent& enter) = 0;
  // What the process of the event does without calls.
  virtual void take_unseen(const TraceEvent& event, std::string_view note) = 0;
  // Appends the report: last.
  virtual void append(std::string& out) = 0;
};

// Both arguments outlive the report.
using MakeReport = std::function<std::unique_ptr<TraceReport>(const Model&, const ViewOptions&)>;

}  // namespace slurper
