// FileSet: the files that one sink `file` writes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/message_limit.h"
#include "base/settings.h"
#include "sink/file/file_destination.h"
#include "sink/file/path_template.h"
#include "slurper/sink.h"

namespace slurper {

// One file, or one for each value of the fields in the path. Each has a cursor of its own, so that after a
// kill a record that is delivered again goes only to a file that lacks it. Belongs to the sink's thread.
class FileSet {
 public:
  // `settings.path` is that of `paths`. At most `max_files` files have lines of their own.
  FileSet(PathTemplate paths, const LogSettings& settings, std::size_t max_files);
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;
  ~FileSet();

  // Finds the files of earlier runs: they have lines of their own still. Returns what the one file has, if
  // the path has no fields. `context` outlives what is open.
  [[nodiscard]] Result<std::optional<Reached>> open(const SinkContext& context, std::uint32_t rendering);
  void close();

  // Calls `add` for each record that its file lacks, in the order of the log for each file, and writes what
  // it adds. If one of the files of a path with fields can't be opened, because of a link or a permission,
  // its records go to the common file. Fails with Data if a file and the log disagree on the file's last
  // line, with Busy if slurper ends and this takes long, and as `add`.
  using Add = std::function<Status(FileDestination& file, const Record& record)>;
  [[nodiscard]] Status write(std::span<const Record> batch, const Add& add);
  [[nodiscard]] Status sync();
  [[nodiscard]] bool has_fields() const { return paths_.has_fields(); }

  // Records from this offset on must be delivered again if the sink is closed now: their files seem to have
  // them, and their last lines have not been compared with the log's yet.
  [[nodiscard]] std::optional<std::uint64_t> unverified_from() const;

 private:
  struct Open {
    std::unique_ptr<FileDestination> file;
    std::uint64_t used = 0;  // when it was used last
  };

  struct Group {  // of records for one file
    std::string path;
    std::vector<const Record*> records;
    bool is_new = false;  // it has taken one of the `max_files_` places just now
  };

  [[nodiscard]] Status find_files();
  [[nodiscard]] Status find_files_in(const std::string& folder, int depth);
  void rename_cursors();
  void group(std::span<const Record> batch);
  [[nodiscard]] Status write(const Group& group, const Add& add);
  [[nodiscard]] bool choose_path(const Record& record, std::string& path);
  [[nodiscard]] Result<FileDestination*> open_file(const std::string& path);
  [[nodiscard]] bool is_of_one_file(const Error& error) const;
  [[nodiscard]] Status group_around_broken(std::span<const Record> batch);
  [[nodiscard]] Status close_one();
  void report_other();
  [[nodiscard]] bool must_end();
  [[nodiscard]] Result<bool> has(const FileDestination& file, const Record& record);
  [[nodiscard]] std::unexpected<Error> disagree(const FileDestination& file) const;

  const PathTemplate paths_;
  const LogSettings settings_;
  const std::size_t max_files_;
  const std::string other_path_;
  MessageLimit other_limit_;
  std::uint64_t other_lines_ = 0;  // that went to `other_path_`
  bool is_new_crowd_ = false;      // a line of this batch did because of `max_files_`
  bool is_crowded_ = false;        // the same, of any batch
  MessageLimit broken_limit_;

  // State while the sink is open:
  const SinkContext* context_ = nullptr;
  bool is_counted_ = false;  // among the sets that share the descriptors
  std::uint32_t rendering_ = 0;
  std::set<std::string, std::less<>> known_;  // the files with lines of their own
  std::map<std::string, Open, std::less<>> open_;
  FileDestination* only_ = nullptr;  // if the path has no fields
  std::uint64_t uses_ = 0;
  std::map<std::string, std::uint64_t> unverified_;  // files, each with its first record that was not written
  std::optional<std::chrono::steady_clock::time_point> stopped_at_;
  std::set<std::string, std::less<>> broken_;  // files that can't be opened for this batch
  std::vector<Group> groups_;  // of the batch, in the order in which their files come up in it
};

}  // namespace slurper
