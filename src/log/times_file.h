// TimesFile: the file of a log's arrival times, as a row of marks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/stream_offset.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "log/time_index_format.h"
#include "slurper/result.h"

namespace slurper {

// Entries are numbered from 0, in the order of their offsets. Damaged ones are skipped. One thread appends,
// while any thread looks marks up. The file is never synced.
class TimesFile {
 public:
  // Opens the file of the log `log`, with O_RDWR or O_RDONLY. Errors: Data (it is not this log's, or
  // damaged), NoInput, NoPermission, Io. `os` outlives it.
  [[nodiscard]] static Result<std::shared_ptr<TimesFile>> open(Os& os, const LogPaths& paths,
                                                               const LogIds& log, int flags);

  // Makes a new file in the place of the old one. If `from` is not null, copies its marks from the entry
  // `first` on. Until the new file is complete, the old one stays.
  [[nodiscard]] static Result<std::shared_ptr<TimesFile>> create(Os& os, const LogPaths& paths,
                                                                 const Uuid& log_id, const FileAccess& access,
                                                                 const TimesFile* from, std::uint64_t first);

  [[nodiscard]] std::uint64_t entries() const { return entries_.load(); }
  // Whether bytes that are no whole entry followed the last one when the file was opened.
  [[nodiscard]] bool has_tail() const { return has_tail_; }
  // Whether the file has the log's former id.
  [[nodiscard]] bool has_former_id() const { return has_former_id_; }
  // Gives the file this id, in one write.
  [[nodiscard]] Status rename(const Uuid& log_id);

  // The marks of `count` entries from `first` on, or of as many as there are; empty for each that is damaged.
  [[nodiscard]] Result<std::vector<std::optional<TimeMark>>> read(std::uint64_t first,
                                                                  std::uint64_t count) const;
  // The mark of an entry; empty if the entry can't be read.
  [[nodiscard]] std::optional<TimeMark> mark(std::uint64_t entry) const;
  // How many of the first `entries` have offsets up to `offset`. An entry that can't be read counts as the
  // one before it does.
  [[nodiscard]] std::uint64_t count_up_to(StreamOffset offset, std::uint64_t entries) const;
  // How many entries to keep: a crash may have left the last ones damaged.
  [[nodiscard]] Result<std::uint64_t> sound_entries() const;
  // Whether the file is still the one at its path.
  [[nodiscard]] bool is_at_path() const;

  // Removes the entries from `entries` on, and the tail.
  [[nodiscard]] Status cut(std::uint64_t entries);
  // Appends the marks. If that fails, the next call overwrites what was written.
  [[nodiscard]] Status append(std::span<const TimeMark> marks);

 private:
  TimesFile(Os& os, std::string path, UniqueFd fd) : os_(os), path_(std::move(path)), fd_(std::move(fd)) {}
  Status write_header(const Uuid& log_id, const FileAccess& access, const Phrase& what);
  Status copy(const TimesFile& from, std::uint64_t first);

  Os& os_;
  const std::string path_;
  const UniqueFd fd_;
  bool has_tail_ = false;
  bool has_former_id_ = false;
  std::atomic<std::uint64_t> entries_{0};
};

// Describes what is wrong with the file of a log's arrival times, for `slurper verify`; empty if nothing is.
// Fails with NoInput if there is no file.
[[nodiscard]] Result<std::optional<Phrase>> inspect_times(Os& os, const LogPaths& paths, const LogIds& log);

}  // namespace slurper
