// LogView: a log that another process may be writing, for who only reads it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/os.h"
#include "log/log_extent.h"
#include "log/log_feed.h"
#include "log/log_index.h"
#include "log/segment_name.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// Keeps a LogFeed as the log's writer does, by looking at the index and the active segment's size, so that a
// LogReader can read the log. Locks and changes nothing: read permission for the folder and its files is
// enough. Used by one thread.
//
// Between two looks the writer may rotate, and the kernel may give a removed segment's inode to the next one:
// bytes of the active segment count only if is_current() after they were read.
class LogView {
 public:
  // `os` outlives it. Errors: NoInput (there is no log, or slurper has not written it), NoPermission, Data,
  // Io, Busy (the log is rotated all the time).
  [[nodiscard]] static Result<std::unique_ptr<LogView>> open(Os& os, LogPaths paths);

  [[nodiscard]] const LogPaths& paths() const { return paths_; }
  [[nodiscard]] const LogIds& ids() const { return ids_; }
  [[nodiscard]] const LogFeed& feed() const { return feed_; }
  [[nodiscard]] StreamOffset begin() const { return begin_; }  // of the oldest byte, when it was opened
  [[nodiscard]] StreamOffset end() const { return feed_.end(); }
  // When the log's last byte was written, by its file's time; empty if the active segment is empty.
  [[nodiscard]] std::optional<Timestamp> last_write() const { return last_write_; }

  // Looks again. Returns false if another log has taken this one's place: open that. While the log's files
  // are missing, or between two steps of a rotation, nothing changes. Errors as open().
  [[nodiscard]] Result<bool> refresh();
  // Whether the active segment is still what the last look showed.
  [[nodiscard]] bool is_current() const;

  // Has the kernel report changes of the log: wait_fd() becomes readable, see poll(2). Call refresh() once
  // after it. Errors: Io (from inotify(7)).
  [[nodiscard]] Status watch();
  [[nodiscard]] int wait_fd() const { return inotify_fd_.get(); }
  // How long to wait at most: the folder may be gone, and nothing reports its return. Empty: for ever.
  [[nodiscard]] std::optional<std::chrono::milliseconds> patience() const;
  // Takes the reports, and watches what has taken the place of what was watched. Call it before refresh().
  void take_reports();

 private:
  LogView(Os& os, LogPaths paths) : os_(os), paths_(std::move(paths)) {}
  [[nodiscard]] Result<bool> look();
  void watch_files();

  Os& os_;
  const LogPaths paths_;
  LogIds ids_;
  LogFeed feed_;
  StreamOffset begin_;
  std::optional<Timestamp> last_write_;
  std::optional<IndexRecord> record_;  // at the last look

  UniqueFd inotify_fd_;
  int folder_watch_ = -1;
};

}  // namespace slurper
