// LogWriter: the one writer of a log, its rotation and its recovery.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "base/stream_offset.h"
#include "log/log_index.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// Appends the stream's bytes to the active segment, whose size is the commit record: nothing else is noted
// for a write, and end() after a crash is the segment's base plus its size. Rotates between two lines only.
//
// A rotation goes through these states, and open() resolves each of them:
//   1. the active segment is at its path, and the index names its base;
//   2. it has been renamed to rotated(base); nothing is at its path;
//   3. a new file is at its path, and the index still names the old base: a file rotated(base) says so;
//   4. the index names the new base.
//
// Belongs to one thread at a time. The lock on the log is held as long as it lives.
class LogWriter {
 public:
  // Opens the log at settings.path, or makes it, and resolves whatever a crash left. `boot`: the identity of
  // this boot; where the log was last opened in another one, the rest of a line cut short at its end will
  // never come, and it is ended with a newline.
  static Result<std::unique_ptr<LogWriter>> open(Os& os, const LogSettings& settings, const Uuid& boot);

  // What open() found and did, for the operator: one sentence each.
  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }

  [[nodiscard]] const LogPaths& paths() const { return paths_; }
  [[nodiscard]] const Uuid& log_id() const { return record_.log_id; }
  [[nodiscard]] StreamOffset active_base() const { return base_; }
  [[nodiscard]] StreamOffset end() const {
    return base_ + size_;
  }  // written: a process's death can't undo it
  [[nodiscard]] StreamOffset synced() const { return synced_; }  // survives a loss of power
  [[nodiscard]] std::uint64_t rotations() const { return rotations_; }

  // Writes the first bytes of `data`, at least one, at end(). How many they were: fewer than all where the
  // kernel took fewer, or where a segment ends; call again for the rest. On failure nothing of `data` is in
  // the log beyond end().
  Result<std::size_t> append(std::span<const char> data);

  // fdatasync(2) of what is not yet synced.
  Status sync();

  // Ends the active segment at the next line boundary: now, or in a later append().
  Status rotate();

  // When the active segment will be due for rotation by age; nothing while it is empty, its age does not
  // matter, or its rotation has been asked for.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> rotation_due() const;

  // A rotation that could not be done leaves the log growing in the same segment. Why the last one failed,
  // once.
  std::optional<Error> take_rotation_failure() { return std::exchange(rotation_failure_, std::nullopt); }

  // Where the active segment's path now shows another file, or none (logrotate moved it), goes on there.
  // True if it did.
  Result<bool> reopen();

  // The stream goes on at `offset`, beyond end(): what lies between is lost to the log. A new segment begins
  // there.
  Status skip_to(StreamOffset offset);

  // New limits, from the next append() on. The path, mode and group stay.
  void set_limits(const LogSettings& settings);

 private:
  LogWriter(Os& os, const LogSettings& settings, LogPaths paths, LogIndex index);

  Status recover(const Uuid& boot);
  Result<StreamOffset> end_of_rotated();
  Status open_active();
  Status begin_segment();
  Status finish_rotation();
  Status close_torn_line();
  Status write_index();
  [[nodiscard]] std::size_t fitting(std::span<const char> data) const;
  [[nodiscard]] bool rotation_wanted(std::size_t incoming) const;
  Status set_access(int fd);
  [[nodiscard]] bool durable() const { return settings_.sync.mode != SyncMode::None; }

  Os& os_;
  LogSettings settings_;
  LogPaths paths_;
  LogIndex index_;
  gid_t group_ = static_cast<gid_t>(-1);
  IndexRecord record_;
  std::vector<std::string> findings_;

  UniqueFd active_fd_;  // empty only between the states of a rotation that failed halfway
  StreamOffset base_;
  std::uint64_t size_ = 0;
  StreamOffset synced_;
  bool at_line_start_ = true;
  bool rotate_requested_ = false;
  std::uint64_t rotations_ = 0;
  std::chrono::steady_clock::time_point next_rotation_attempt_;
  std::optional<Error> rotation_failure_;
};

}  // namespace slurper
