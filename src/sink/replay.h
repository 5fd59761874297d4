// Replay: delivers a sink's dead letters once more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/event.h"
#include "base/os.h"
#include "base/settings.h"
#include "log/log_writer.h"
#include "log/segment_name.h"
#include "log/time_index.h"
#include "sink/dead_letters.h"
#include "sink/runner.h"
#include "slurper/result.h"

namespace slurper {

// Everything it refers to outlives the replay.
struct ReplayPlan {
  Os& os;
  LogSettings log;  // of the sink's log
  PreparedSink sink;
  EventListener& events;
  PhraseRenderer render;
  // Waits for that long. Returns whether the replay shall be interrupted.
  std::function<bool(std::chrono::milliseconds)> wait;
  // A sink that fails, and makes no progress for so long, ends the replay.
  std::chrono::milliseconds patience{10'000};
};

struct ReplayReport {
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
  std::vector<std::uint64_t> foreign;  // numbers of lines that are no dead letters
  std::string in_the_way;  // what stands at the dead-letter file's path, if that is no regular file
  bool is_torn = false;    // the last letter was cut short, and was left out: its line is delivered anyway
};

// The dead-letter file is moved into a folder beside the log, `.messages.replay-NAME`, and its lines become a
// log there, with an id of its own, which a runner delivers as it would any other log. So a destination that
// can be asked gets each line once. What is refused again is a dead letter again, with the id and the offset
// that it had at first. What is no dead letter is put back into the dead-letter file. slurper may run
// meanwhile, and refuse more.
//
// A replay that failed, was interrupted or was killed is continued by the next one: each line is in the
// dead-letter file, or in the folder, until the destination has it.
class Replay {
 public:
  explicit Replay(ReplayPlan plan);

  // Errors: Busy (another process replays the same), those of the folder and of its log, and that of the
  // sink.
  [[nodiscard]] Result<ReplayReport> run();

 private:
  struct Site;  // the log, opened

  [[nodiscard]] std::string dead_letters() const { return log_.dead_letters(plan_.sink.name); }
  [[nodiscard]] Status make_folder();
  [[nodiscard]] std::unexpected<Error> another_replay_runs() const;
  [[nodiscard]] Result<bool> take_letters();
  [[nodiscard]] Status unpack();
  [[nodiscard]] Status unpack_line(std::string_view text, std::uint64_t number, bool is_ended, Site& site);
  [[nodiscard]] Status clear_log();
  [[nodiscard]] Result<Site> open_log();
  [[nodiscard]] Status deliver();
  [[nodiscard]] Status watch(const SinkRunner& runner, StreamOffset end);
  [[nodiscard]] Status remove_folder();
  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] std::unexpected<Error> failed(int errnum, PhraseId what, const std::string& path) const;

  ReplayPlan plan_;
  const LogPaths log_;  // of the sink's log
  const std::string folder_;
  const std::string letters_;   // the dead-letter file that is replayed
  const std::string unpacked_;  // the same once the log is complete
  const LogPaths paths_;        // of the log made of it
  ReplayReport report_;
};

}  // namespace slurper
