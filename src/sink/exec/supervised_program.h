// SupervisedProgram: a program that a sink runs, with what it writes and its orderly end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/message_limit.h"
#include "base/phrase_id.h"
#include "proc/descendants.h"
#include "sink/exec/child_process.h"
#include "sink/format/line_cutter.h"
#include "slurper/sink.h"

namespace slurper {

// What the program writes to its standard error, and to its standard output if that answers nothing, is
// reported to the operator, within a rate limit. The end leaves no process of the program's group behind. The
// caller polls the descriptors of process(), and reads when they are readable. One thread uses it; nothing
// survives a crash of slurper, after which the program's standard input ends.
class SupervisedProgram {
 public:
  using TakeLine = std::function<void(std::string_view)>;

  // `end_timeout` is how long the program may run after the end of its input.
  SupervisedProgram(std::string path, std::vector<std::string> args, std::chrono::milliseconds end_timeout);

  // Starts it in a fixed environment, which names the sink and the log. `context` must outlive the run. Each
  // line of its standard output goes to `take_line`; if that is empty, the lines are reported.
  Status start(const SinkContext& context, TakeLine take_line);

  [[nodiscard]] const std::string& path() const { return program_.path; }
  [[nodiscard]] const ChildProcess& process() const { return child_; }

  // Reads what the program has written. Closes a pipe that has ended.
  bool read_output();  // whether it wrote anything
  void read_errors();

  // For a program that has closed a pipe: waits a moment for its end, and returns how it ended, with the last
  // line that was reported. `or_else` is returned if it still runs.
  [[nodiscard]] Phrase how_it_ended(Phrase or_else);

  // Ends a program that still runs: closes its input, then sends SIGTERM, then SIGKILL. Its process group
  // gets the same, since what it leaves behind would pile up with each new start. Once slurper stops, neither
  // signal waits longer than a second: slurper leaves no program behind when it exits.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  void report_line(std::string_view line);
  void report_processes(PhraseId id, std::span<const Descendant> processes);
  void listen_until(Clock::time_point end);
  [[nodiscard]] Clock::time_point end_of(Clock::time_point patience) const;
  void wait_for_end(Clock::time_point patience);
  [[nodiscard]] std::vector<Descendant> wait_for_group(Clock::time_point patience);
  void end_group(Clock::time_point patience);
  [[nodiscard]] Descendants descendants() const { return find_descendants(child_.pid(), mark_); }

  ChildProgram program_;
  std::chrono::milliseconds end_timeout_;
  const SinkContext* context_ = nullptr;
  TakeLine take_line_;
  std::optional<Clock::time_point> hurry_from_;  // since when slurper stops, while the program ends
  std::string mark_;                             // in the environment of this program and of no other
  ChildProcess child_;
  LineCutter output_;
  LineCutter errors_;
  std::string last_words_;
  MessageLimit messages_;
  MessageLimit left_in_group_;
  MessageLimit left_elsewhere_;
};

}  // namespace slurper
