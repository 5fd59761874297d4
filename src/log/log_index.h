// LogIndex: what a log knows about itself beyond its bytes, and the lock on it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/os.h"
#include "log/log_index_format.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "slurper/result.h"

namespace slurper {

// What an index file says.
using IndexReading = SlotReading<IndexRecord>;

// Reads the index without locking it: for looking at a log that may be in use. Fails with NoInput if there is
// none, and with Data if no slot is whole, or if one is of a newer format, which may hold what this slurper
// must not overlook.
[[nodiscard]] Result<IndexReading> read_index(Os& os, const LogPaths& paths);

// Owned by the log's writer; used by one thread at a time. While it lives, no other process can open the log
// for writing. A crash in write() leaves the record before it (slot_file.h).
class LogIndex {
 public:
  using Access = FileAccess;
  using Durability = slurper::Durability;

  // Opens the log's index, or creates it (with `access`, its name made durable), and locks it. Fails with
  // Busy if another process has the log, with CantCreate or NoPermission if it can't be made, and as
  // read_index.
  [[nodiscard]] static Result<LogIndex> open(Os& os, const LogPaths& paths, const Access& access);

  // Whether a slurper writes the log, as far as its lock shows. Makes nothing.
  [[nodiscard]] static bool is_in_use(Os& os, const LogPaths& paths);

  // Whether others have removed it, or replaced its folder.
  [[nodiscard]] bool is_gone() const { return !file_.has_name(); }
  // The index that is at its path now: made and locked if there is none. Errors as open().
  [[nodiscard]] Result<LogIndex> open_again(const LogPaths& paths, const Access& access) const;

  // What the index said when it was opened, or what was written since; nothing in a new one.
  [[nodiscard]] const std::optional<IndexRecord>& record() const { return reading_.record; }

  // What was wrong with the index when it was opened: worth a warning. The next write mends it.
  [[nodiscard]] const std::vector<Phrase>& damage() const { return reading_.damage; }

  // Writes `record`, with the next sequence number, over the older slot. After a failure record() is as
  // before, and the next write takes the same slot; the file may hold either.
  [[nodiscard]] Status write(const IndexRecord& record, Durability durability) {
    return file_.write(record, &encode_index_slot, durability, reading_);
  }

 private:
  LogIndex(SlotFile file, IndexReading reading) : file_(std::move(file)), reading_(std::move(reading)) {}

  SlotFile file_;
  IndexReading reading_;
};

}  // namespace slurper
