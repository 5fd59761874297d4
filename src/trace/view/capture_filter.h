// CaptureFilter: of a recording, the events that a filter lets through, and what gives them their names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "trace/model/model.h"
#include "trace/scap/scap_reader.h"
#include "trace/view/fields.h"
#include "trace/view/shown_event.h"

namespace slurper {

// Events that change what is known of processes and descriptors are kept whatever the filter says, as events
// with kStateOnly: readers apply them, and show no line of them. As sysdig -w does. One thread uses it.
class CaptureFilter {
 public:
  // The model has taken all events, and outlives this.
  CaptureFilter(TraceFilter filter, const Model& model) : filter_(std::move(filter)), model_(model) {}

  // Appends what is kept of the block, which holds the event. Call it between the model's take() and
  // finish().
  void take(const Block& block, TraceEvent& event, std::string& out);

  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t matched() const { return matched_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }  // records

 private:
  struct ThreadState {
    bool has_begun = false;  // the enter event of its call is kept
    bool is_kept = false;    // its last event is
  };

  void take_own(const Block& block, const TraceEvent& event, std::string& out);
  bool tells_of_unseen(const TraceEvent& event);
  bool is_news_of_pipe(const TraceEvent& event);

  TraceFilter filter_;
  const Model& model_;
  const ViewOptions view_{};
  std::string scratch_;
  std::unordered_map<std::int64_t, ThreadState> threads_;
  std::unordered_set<std::int64_t> uses_io_uring_;  // processes of which an event is kept that says so
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> pipes_;  // by process and descriptor: as kept
  std::uint64_t events_ = 0;
  std::uint64_t matched_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace slurper
