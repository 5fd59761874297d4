// The files of a log: what they are called, and which of them are there. docs/log-format.md has the page.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"
#include "base/stream_offset.h"
#include "slurper/result.h"

namespace slurper {

// What a file that belongs to a log is to it.
enum class LogFileKind {
  Rotated,     // messages.00000000000000123456
  Compressed,  // messages.00000000000000123456.zst
  Temporary,   // messages.00000000000000123456.zst.tmp: a compression under way, or cut short
};

struct LogFileName {
  LogFileKind kind;
  StreamOffset base;
  bool operator==(const LogFileName&) const = default;
};

// The paths of the files of the log whose active segment is at `log_path`. Immutable, so every thread may use
// it.
class LogPaths {
 public:
  explicit LogPaths(std::string log_path);

  [[nodiscard]] const std::string& active() const { return active_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }  // "." where the path has none
  [[nodiscard]] std::string index() const;
  [[nodiscard]] std::string lock() const;                              // the log's
  [[nodiscard]] std::string cursor_lock(std::string_view sink) const;  // of a sink of this name
  [[nodiscard]] std::string dead_letters(std::string_view sink) const;
  [[nodiscard]] std::string replay(std::string_view sink) const;  // the folder of `slurper replay`
  [[nodiscard]] std::string cursor(std::string_view sink) const;  // of a sink of this name
  [[nodiscard]] std::string times() const;
  [[nodiscard]] std::string times_temporary() const;  // while times() is rewritten
  [[nodiscard]] std::string rotated(StreamOffset base) const;
  [[nodiscard]] std::string compressed(StreamOffset base) const;
  [[nodiscard]] std::string temporary(StreamOffset base) const;

  // Where a file goes that was at the active segment's path and is not this log's: a name that parse() does
  // not know.
  [[nodiscard]] std::string quarantined(int number) const;
  [[nodiscard]] bool is_quarantined(std::string_view name) const;  // without a folder

  // Of what sinks can be called: [A-Za-z0-9._-]{1,64}.
  [[nodiscard]] static bool is_cursor_name(std::string_view sink);
  // Whose cursor the file `name` (without a folder) is; nothing if it is none.
  [[nodiscard]] std::optional<std::string> parse_cursor(std::string_view name) const;

  // What the file `name` (without a folder) is to this log; nothing for a name that slurper would not give:
  // other files of the folder are none of its business.
  [[nodiscard]] std::optional<LogFileName> parse(std::string_view name) const;

  // Whether slurper may write, rename or remove the file at `path` because of this log. Both paths are
  // written in the same way (absolute, without "..").
  [[nodiscard]] bool include(const std::string& path) const;

 private:
  [[nodiscard]] std::string beside(std::string_view name) const;

  std::string active_;
  std::string directory_;
  std::string name_;
};

// A rotated segment as it lies in the folder.
struct Segment {
  StreamOffset base;
  std::string path;
  std::uint64_t stored = 0;  // bytes of the file
  bool compressed = false;
  std::chrono::sys_time<std::chrono::nanoseconds> mtime;  // its last write; compression keeps it
};

// The rotated segments by base, the raw one first if a segment is there raw and compressed (a compression
// is about to finish, or was cut short). Misses no segment that is being compressed meanwhile. Anything but a
// regular file is ignored, and so is what is removed while the folder is read.
[[nodiscard]] Result<std::vector<Segment>> list_segments(Os& os, const LogPaths& paths);

// The sinks that have a cursor, by name.
[[nodiscard]] Result<std::vector<std::string>> list_cursors(const LogPaths& paths);

// The paths of temporary files.
[[nodiscard]] Result<std::vector<std::string>> list_temporaries(const LogPaths& paths);

}  // namespace slurper
