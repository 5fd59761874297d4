// TracePage: collects a capture for a page in a browser, in one pass, and writes the page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "trace/explain/explainer.h"
#include "trace/page/page_data.h"
#include "trace/view/report.h"

namespace slurper {

// What the page says about itself.
struct PageRequest {
  std::string capture;  // the file's name
  std::string filter;   // its words
};

// One thread uses it. Its memory is bounded, but for the threads and the open descriptors of the capture.
class TracePage : public TraceReport {
 public:
  // Above kMaxEvents, the page has single calls only if they failed or are among those that took longest.
  static constexpr std::uint64_t kMaxEvents = 100'000;
  static constexpr std::size_t kMaxAggregatedCalls = 30'000;
  static constexpr std::size_t kMaxCells = 1024;  // on the time axis
  static constexpr std::size_t kMaxPipes = 20'000;
  static constexpr std::size_t kMaxFlowCells = 200'000;  // of all pairs of ends, while it collects
  static constexpr std::size_t kMaxShownFlowCells = 50'000;

  // The model and the options outlive it.
  TracePage(PageRequest request, const Model& model, const ViewOptions& options);

  void observe(const TraceEvent& event) override { explainer_.take(event); }
  [[nodiscard]] bool follows_bytes() const override { return true; }
  void take_flow(const FlowRead& read) override;
  void take(const TraceEvent& event) override;
  void take_own(const TraceEvent& event) override;
  void take_unfinished(const TraceEvent& enter) override;
  void take_unseen(const TraceEvent& event, std::string_view note) override;
  void append(std::string& out) override;

  // What it has collected, complete after append().
  [[nodiscard]] const PageData& data() const { return data_; }

 private:
  [[nodiscard]] std::int64_t on_axis(std::uint64_t time) const;
  [[nodiscard]] PageCall call_of(const TraceEvent& event);
  [[nodiscard]] std::uint32_t who(const Thread& thread);
  [[nodiscard]] std::uint32_t name(std::string_view name);
  [[nodiscard]] std::string arguments_of(const TraceEvent& event);
  void append_params(std::string& out, const TraceEvent& event, const TraceEvent* exit);
  void add(const TraceEvent& event, PageCall call);
  [[nodiscard]] std::vector<PageSentence> waits_of(const TraceEvent& event, const PageCall& call);
  void count(const PageCall& call);
  void halve_cells();
  void count(const PageLink& link, const PageEnds& ends);
  void keep_links_of_calls();
  void keep_strongest_flows();
  void take_result(const TraceEvent& event);
  void take_pipe(const TraceEvent& event);
  void take_note(const TraceEvent& event);
  void keep_most_important();

  PageRequest request_;
  const Model& model_;
  const ViewOptions& options_;
  PageData data_;
  Explainer explainer_;
  std::string scratch_;
  std::map<PageThread, std::uint32_t> who_;
  std::map<std::string, std::uint32_t, std::less<>> names_;
  std::int64_t clock_step_ = 0;    // nanoseconds by which the clock was set on the way
  std::uint64_t least_kept_ = 0;   // importance of the least important call that was kept
  std::int64_t tid_of_last_ = -1;  // the thread of the last call, if that was kept
};

}  // namespace slurper
