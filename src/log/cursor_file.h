// CursorFile: how far a sink is, over restarts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"
#include "log/cursor_format.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "slurper/result.h"

namespace slurper {

// What a cursor's file says.
using CursorReading = SlotReading<CursorRecord>;

// Reads the cursor `name` without locking it: for looking at a log that may be in use. Fails with NoInput
// if there is none, and with Data if no slot is whole, if one is of a newer format, or if
// `log` is given and the cursor is of another log.
[[nodiscard]] Result<CursorReading> read_cursor(Os& os, const LogPaths& paths, std::string_view name,
                                                const std::optional<LogIds>& log = std::nullopt);

// The command line that sets the cursor `name`, for advice.
[[nodiscard]] Phrase how_to_set_cursor(const LogPaths& paths, std::string_view name);

// Sets the cursor `name`, whatever is in it, by hand: its sink resumes at `offset`, whatever its destination
// says. What was refused and missed so far stays counted. Synced. Fails with NoInput if there is no such
// cursor, and with Busy while a sink has it.
[[nodiscard]] Status set_cursor(Os& os, const LogPaths& paths, std::string_view name, const Uuid& log_id,
                                StreamOffset offset);

// Gives the cursor `name` the log's present id, if it has the former one. Synced. Its offset and its counts
// stay. Leaves alone what is damaged, and what is another log's. Fails with Busy while a sink has it.
[[nodiscard]] Status rename_cursor(Os& os, const LogPaths& paths, std::string_view name, const LogIds& log);

// Owned by its sink's thread. While it lives, no other sink and no other process can have the same one. A
// crash in write() leaves the record before it; one after a Synced write not even a loss of power can undo.
class CursorFile {
 public:
  // Opens the cursor `name` of the log `log`, or creates it (with `access`, its name made durable), and
  // locks it. Fails with Config if the name can't be a cursor's, with Busy if another process has it,
  // with Data if it is another log's, or as read_cursor, and with CantCreate or NoPermission if it
  // can't be made.
  [[nodiscard]] static Result<CursorFile> open(Os& os, const LogPaths& paths, std::string_view name,
                                               const LogIds& log, const FileAccess& access);

  // Removes the cursor `name`, whatever it says: a sink of this name then begins as a new one. Fails with
  // Busy if a sink has it.
  [[nodiscard]] static Status remove(Os& os, const LogPaths& paths, std::string_view name);
  // Whether a sink has it, as far as its lock tells. Makes nothing.
  [[nodiscard]] static bool is_in_use(Os& os, const LogPaths& paths, std::string_view name);

  // What stood in it when it was opened, or was written since; nothing in a new one.
  [[nodiscard]] const std::optional<CursorRecord>& record() const { return reading_.record; }

  // What was wrong with it when it was opened: worth a warning. The next write mends it.
  [[nodiscard]] const std::vector<Phrase>& damage() const { return reading_.damage; }

  // If others have removed it, or replaced the log's folder: makes it again, with what it said. Errors as
  // open() and write().
  [[nodiscard]] Status follow_path(const LogPaths& paths, const FileAccess& access);

  // Writes `record`, with the next sequence number and the log's id, over the older slot. After a failure
  // record() is as before, and the next write takes the same slot; the file may hold either.
  [[nodiscard]] Status write(CursorRecord record, Durability durability);

 private:
  CursorFile(SlotFile file, CursorReading reading, const Uuid& log_id)
      : file_(std::move(file)), reading_(std::move(reading)), log_id_(log_id) {}

  SlotFile file_;
  CursorReading reading_;
  Uuid log_id_;
};

}  // namespace slurper
