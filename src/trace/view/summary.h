// TraceSummary: what a capture comes to: calls, bytes, errors and time, the slowest calls and the failed
// ones.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/view/failed_calls.h"
#include "trace/view/report.h"

namespace slurper {

class TraceSummary : public TraceReport {
 public:
  // Both outlive it.
  TraceSummary(const Model& model, const ViewOptions& options);
  void take(const TraceEvent& event) override;
  void take_own(const TraceEvent& event) override;
  void take_unfinished(const TraceEvent& enter) override;
  void take_unseen(const TraceEvent& event, std::string_view note) override;
  void append(std::string& out) override;

 private:
  struct Totals {
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::uint64_t read = 0;
    std::uint64_t written = 0;
    std::uint64_t time = 0;
  };
  struct Slow {
    std::uint64_t latency = 0;
    std::string text;
  };
  using Key = std::pair<std::string, std::string>;  // the process, and the descriptor or call

  void count_unfinished(const TraceEvent& enter, std::uint64_t time);
  void take_end(const TraceEvent& event);
  void count_bytes(const TraceEvent& event, Totals& process, Totals& fd);
  Totals& totals_of(const std::string& process, std::int64_t fd, const OpenFile* file);
  void note_slow(const TraceEvent& event);
  [[nodiscard]] std::string line_of(const TraceEvent& event);

  const Model& model_;
  const ViewOptions& options_;
  std::string scratch_;
  std::uint64_t first_time_ = 0;
  std::uint64_t last_time_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t lost_ = 0;
  std::map<std::string, Totals> processes_;
  std::map<Key, Totals> fds_;
  std::map<std::string, Totals> calls_;
  std::vector<Slow> slowest_;
  std::vector<std::string> unfinished_;
  std::vector<std::string> unseen_;
  std::uint64_t unfinished_count_ = 0;
  FailedCalls failed_;
};

}  // namespace slurper
