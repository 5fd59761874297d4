// TraceTop: what the recorded processes are doing at the moment, as a screen of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/screen_text.h"
#include "trace/view/shown_event.h"

namespace slurper {

// One thread uses it. Its memory is bounded by the processes and pipes that are active or open.
class TraceTop {
 public:
  // The model outlives it.
  explicit TraceTop(Model& model) : model_(model) {}

  // An event, one of slurper's own, too, before the model has finished it.
  void take(const TraceEvent& event);
  // What has gone wrong, in a line: listed with the calls that have failed.
  void take_finding(std::uint64_t time, std::string text);

  // At most `size.rows` lines of at most `size.columns` characters, each with a newline. Rates are of the
  // time since the last screen, which was `seconds` ago. `now` is in nanoseconds since 1970.
  [[nodiscard]] std::string screen(ScreenSize size, double seconds, std::uint64_t now);

 private:
  struct Rates {
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::uint64_t read = 0;
    std::uint64_t written = 0;
  };
  struct Process {
    std::string name;
    Rates now;                // since the last screen
    std::string path;         // of what the call is about
    std::string call;         // in which its thread sleeps that sleeps longest
    std::uint64_t since = 0;  // when that began; 0: none sleeps
    bool began_earlier = false;
    bool has_ended = false;
  };
  struct Pipe {
    std::string name;
    Rates now;
    PipeState state{};
    bool state_is_old = false;  // bytes have moved since
    std::int64_t bytes = 0;     // in it, about; of use if it was seen read and written
    bool was_read = false;
    bool was_written = false;
    std::uint64_t used_at = 0;
  };
  // Calls that fail alike, or a finding.
  struct Trouble {
    std::uint64_t time = 0;  // of the last one
    std::uint64_t count = 0;
    std::string text;
  };
  using Rows = std::vector<std::string>;

  Process& process_of(const TraceEvent& event);
  Pipe* pipe_of(const OpenFilePointer& file, std::uint64_t time);
  void count(const TraceEvent& exit);
  void note_failure(const TraceEvent& exit);
  void note_trouble(std::uint64_t time, std::string text);
  void note_state(const TraceEvent& event);
  void find_sleepers();
  void forget_closed_pipes();
  [[nodiscard]] std::string heading(double seconds, std::uint64_t now) const;
  [[nodiscard]] Rows pipe_rows(std::size_t most, std::size_t columns, double seconds) const;
  [[nodiscard]] Rows process_rows(std::size_t most, std::size_t columns, double seconds,
                                  std::uint64_t now) const;
  [[nodiscard]] Rows trouble_rows(std::size_t most, std::size_t columns) const;

  Model& model_;
  const ViewOptions options_{};
  std::string scratch_;
  std::uint64_t events_ = 0;  // since the last screen
  std::uint64_t lost_ = 0;    // records, in all
  std::map<std::int64_t, Process> processes_;
  std::map<std::uint64_t, Pipe> pipes_;  // by inode
  std::deque<Trouble> troubles_;         // the latest first
};

}  // namespace slurper
