// Textfile: writes the metrics to a file that node_exporter's textfile collector reads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/event.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// Writes `text` to a file beside `path`, PATH.tmp, and renames that to `path`: a reader finds the old text or
// the new one, all of it. The mode is 0644, so that node_exporter's user can read it. Nothing is synced:
// after a loss of power the file may be old or empty, until the next one replaces it. Errors: from the system
// call.
[[nodiscard]] Status write_textfile(Os& os, const std::string& path, std::string_view text);

// Has a thread of its own, because a disk may stall: nothing else waits for it. A SIGKILL leaves the last
// file.
class Textfile {
 public:
  // Returns the text to write; empty if there is none now, and then the file stays as it is. Called on the
  // thread.
  using Render = std::function<std::optional<std::string>()>;

  // Writes `path` at once, and then each `interval`. `os` and `events` outlive it. Errors: Busy if its thread
  // can't be made.
  [[nodiscard]] static Result<std::unique_ptr<Textfile>> start(Os& os, std::string path,
                                                               std::chrono::milliseconds interval,
                                                               Render render, EventListener& events);
  Textfile(const Textfile&) = delete;
  Textfile& operator=(const Textfile&) = delete;
  ~Textfile();  // stops, and waits for the disk

  // Ends the thread, which removes the file. Returns false if it still waits for the disk after `patience`:
  // then it still uses what it was given.
  [[nodiscard]] bool stop(std::chrono::milliseconds patience);

 private:
  Textfile(Os& os, std::string path, std::chrono::milliseconds interval, Render render,
           EventListener& events);
  void run();
  void write();

  Os& os_;
  const std::string path_;
  const std::chrono::milliseconds interval_;
  const Render render_;
  EventListener& events_;
  bool is_failing_ = false;
  bool is_written_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stops_ = false;  // under the mutex
  bool ended_ = false;  // the same
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slurper
