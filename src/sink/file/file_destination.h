// FileDestination: one file that the sink `file` writes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "log/cursor_file.h"
#include "log/housekeeper.h"
#include "log/log_writer.h"
#include "sink/format/format.h"
#include "slurper/sink.h"

namespace slurper {

// A log like slurper's own, so its size shows what it has, and a cursor beside it, which records which record
// begins at which byte. If a SIGKILL interrupts a write, the next slurper resumes at the exact byte. After a
// power loss, what was not synced is written again. Belongs to the sink's thread, and has the locks of the
// file and its cursor as long as it lives.
class FileDestination {
 public:
  // `rendering` differs if the same records may become other bytes. `context` outlives the destination.
  [[nodiscard]] static Result<std::unique_ptr<FileDestination>> open(const LogSettings& settings,
                                                                     const SinkContext& context,
                                                                     std::uint32_t rendering);
  FileDestination(const FileDestination&) = delete;
  FileDestination& operator=(const FileDestination&) = delete;
  ~FileDestination();

  // What the file had when it was opened; nothing if that is not known, and then it takes any record.
  [[nodiscard]] const std::optional<Reached>& reached() const { return reached_; }
  // Whether the file has this record by its cursor: no, yes, yes as its last one, or it has another one
  // there.
  enum class Presence : std::uint8_t { Absent, Present, Last, Other };
  [[nodiscard]] Presence presence_of(const Record& record) const;

  // Adds the record to what the next write() writes. Returns its bytes, valid until the next call.
  std::string_view add(const Record& record, const Format& format);
  // Writes what was added, while its records are still valid. A kill at any point loses and repeats nothing.
  [[nodiscard]] Status write();
  [[nodiscard]] Status sync() { return writer_->sync(); }

  // Its path leads elsewhere by now: the destructor touches nothing that is there.
  void abandon() { is_abandoned_ = true; }

  [[nodiscard]] const std::string& path() const { return settings_.path; }
  [[nodiscard]] std::string cursor_path() const { return writer_->paths().cursor(kCursorName); }

  static constexpr const char* kCursorName = "source";

 private:
  FileDestination(const LogSettings& settings, const SinkContext& context, std::uint32_t rendering);
  [[nodiscard]] Status open_all();
  [[nodiscard]] Status keep_house();
  void find_end();
  [[nodiscard]] Status append(std::string_view bytes);
  void say(Level level, Phrase phrase) const { context_.say(level, std::move(phrase)); }

  const LogSettings settings_;
  const SinkContext& context_;
  const std::uint32_t rendering_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<CursorFile> cursor_;
  std::unique_ptr<HousekeeperListener> listener_;
  std::unique_ptr<Housekeeper> housekeeper_;  // if there are rotated files
  bool is_abandoned_ = false;
  StreamOffset housekept_;  // the last base that the housekeeper was notified of
  std::optional<Reached> reached_;
  std::optional<CursorRecord> line_;       // the beginning of the line that is written now or next
  std::uint64_t at_ = 0;                   // the byte of the file at which the next record begins
  std::optional<CursorRecord> beginning_;  // of the first line, if the cursor does not have it yet
  std::string out_;                        // what was added
  const Record* last_ = nullptr;           // of that, the last record that ends a line
};

}  // namespace slurper
