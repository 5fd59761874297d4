#include "sink/file/file_set.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "log/cursor_file.h"
#include "log/segment_name.h"
#include "sink/file/folders.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;

// The least time between two reports of lines that do not get to their files.
constexpr std::chrono::minutes kReportEvery{10};

// The sets with many files, which share what descriptors there are.
std::atomic<std::size_t> open_sets{0};

// How many files of a set are open at the same time. Each has five descriptors, and takes a few syncs to be
// opened, so the limit on descriptors decides, less what the rest of slurper needs.
std::size_t max_open_files() {
  constexpr rlim_t kOthers = 256;
  constexpr rlim_t kForEach = 6;
  constexpr rlim_t kLeast = 16;
  constexpr rlim_t kMost = 512;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < kOthers) return kLeast;
  const rlim_t sets = std::max<std::size_t>(open_sets, 1);
  return std::clamp((limit.rlim_cur - kOthers) / kForEach / sets, kLeast, kMost);
}

// The path of the file whose cursor is at `cursor`; empty if it is none.
std::string file_of_cursor(const std::filesystem::path& cursor) {
  const std::string name = cursor.filename().string();
  const std::string end = std::string(".cursor-") + FileDestination::kCursorName;
  if (!name.starts_with('.') || !name.ends_with(end) || name.size() <= end.size() + 1) return {};
  return cursor.parent_path() / name.substr(1, name.size() - end.size() - 1);
}

}  // namespace

FileSet::FileSet(PathTemplate paths, const LogSettings& settings, std::size_t max_files)
    : paths_(std::move(paths)),
      settings_(settings),
      max_files_(max_files),
      other_path_(paths_.other_path()),
      other_limit_(1, kReportEvery),
      broken_limit_(1, kReportEvery) {}

Result<std::optional<Reached>> FileSet::open(const SinkContext& context, std::uint32_t rendering) {
  context_ = &context;
  stopped_at_.reset();
  rendering_ = rendering;
  if (paths_.has_fields()) {
    if (!std::exchange(is_counted_, true)) ++open_sets;
    if (Status found = find_files(); !found) return std::unexpected(std::move(found.error()));
    rename_cursors();
    return std::nullopt;
  }
  const auto file = open_file(other_path_);
  if (!file) return std::unexpected(file.error());
  only_ = *file;
  return only_->reached();
}

// A file whose lines are rare would keep an id that, after the next new one, is known to no one. What fails
// here fails again when the file is opened, and is reported.
void FileSet::rename_cursors() {
  if (context_->former_log_id == LogId{}) return;
  const LogIds ids{context_->log_id, context_->former_log_id};
  for (const std::string& file : known_)
    (void)rename_cursor(kernel(), LogPaths(file), FileDestination::kCursorName, ids);
  (void)rename_cursor(kernel(), LogPaths(other_path_), FileDestination::kCursorName, ids);
}

FileSet::~FileSet() {
  close();
}

void FileSet::close() {
  if (std::exchange(is_counted_, false)) --open_sets;
  only_ = nullptr;
  open_.clear();
  known_.clear();
  unverified_.clear();
}

// A file counts if it has a cursor: which lines have files of their own is then the same after a restart.
Status FileSet::find_files() {
  return find_files_in(paths_.folder(), 0);
}

// Another process may remove a folder while slurper reads it: a recursive_directory_iterator would end there.
Status FileSet::find_files_in(const std::string& folder, int depth) {
  namespace fs = std::filesystem;
  std::error_code error;
  auto entry = fs::directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::end(entry); entry.increment(error)) {
    std::error_code gone;
    if (depth < paths_.depth() && entry->symlink_status(gone).type() == fs::file_type::directory) {
      if (Status found = find_files_in(entry->path(), depth + 1); !found) return found;
    }
    std::string file = file_of_cursor(entry->path());
    if (!file.empty() && file != other_path_ && paths_.matches(file)) known_.insert(std::move(file));
  }
  const bool is_gone = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  if (!error || (depth > 0 && is_gone)) return {};
  return fail_errno(error.value(), about_file(PhraseId::ReadFolder, folder));
}

// Which lines have files of their own depends on the order of the lines in the log alone, and the files are
// made in that order: after a kill, the same lines have them. Returns whether the file is a new one.
bool FileSet::choose_path(const Record& record, std::string& path) {
  const bool has_name = paths_.make_path(record, path);
  const bool is_broken = has_name && broken_.contains(path);
  if (has_name && !is_broken && (known_.contains(path) || known_.size() < max_files_))
    return known_.insert(path).second;
  is_new_crowd_ = is_new_crowd_ || (has_name && !is_broken);
  path = other_path_;
  return false;
}

void FileSet::report_other() {
  const bool is_news = std::exchange(is_new_crowd_, false);
  is_crowded_ = is_crowded_ || is_news;
  Phrase report(is_crowded_ ? PhraseId::TooManyFiles : PhraseId::LinesInOther,
                {{"file", QuotedText{other_path_}}, {"lines", other_lines_}});
  if (is_crowded_) report.with({"max", std::uint64_t{max_files_}});
  context_->show_problem(report);
  if (is_news && other_limit_.admit(Clock::now())) context_->say(Level::Warning, report);
}

// A file may have to be opened for its lines, so those of a batch come together.
void FileSet::group(std::span<const Record> batch) {
  groups_.clear();
  std::unordered_map<std::string, std::size_t> found;
  std::string path;
  for (const Record& record : batch) {
    const bool is_new = choose_path(record, path);
    const auto [entry, is_first] = found.try_emplace(path, groups_.size());
    if (is_first) groups_.push_back({.path = path, .records = {}, .is_new = is_new});
    groups_[entry->second].records.push_back(&record);
  }
}

// What is wrong with one file must not stop the lines of all others. A disk that is full or fails, too many
// descriptors, another process's lock, or a first folder that slurper may not write to, is wrong with all of
// them: then the sink fails, and is tried again.
bool FileSet::is_of_one_file(const Error& error) const {
  const bool is_its_own = error.kind == ErrorKind::NoPermission || error.kind == ErrorKind::CantCreate ||
                          error.errnum == ELOOP || error.errnum == ENOTDIR;
  const bool is_shared = error.errnum == ENOSPC || error.errnum == EDQUOT || error.errnum == EROFS;
  return is_its_own && !is_shared &&
         ::faccessat(AT_FDCWD, paths_.folder().c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

// The files that can't be opened are found before anything is written: the common file gets its records in
// the order of the log.
Status FileSet::group_around_broken(std::span<const Record> batch) {
  broken_.clear();
  group(batch);
  for (const Group& group : groups_) {
    if (group.path == other_path_) continue;
    const auto file = open_file(group.path);
    if (file) continue;
    if (!is_of_one_file(file.error())) return std::unexpected(file.error());
    broken_.insert(group.path);
    if (group.is_new) known_.erase(group.path);
    if (broken_limit_.admit(Clock::now())) {
      Error error = file.error();
      // The log's advice is about a path that the settings name.
      if (!error.advice.empty()) error.advice = PhraseId::MakeWayForFile;
      context_->say(Level::Warning, as_phrase(error, PhraseId::WritesToOther)
                                        .with({"file", QuotedText{group.path}})
                                        .with({"other", QuotedText{other_path_}}));
    }
  }
  if (!broken_.empty()) group(batch);
  return {};
}

// The common file comes last. If its cursor is past a record after a kill, the record's own file has it, or
// the common file does: it is not lost if its own file can't be opened any more.
Status FileSet::write(std::span<const Record> batch, const Add& add) {
  if (only_ != nullptr) {
    for (const Record& record : batch) {
      if (Status added = add(*only_, record); !added) return added;
    }
    return only_->write();
  }
  if (Status grouped = group_around_broken(batch); !grouped) return grouped;
  const auto others = std::ranges::find(groups_, other_path_, &Group::path);
  if (others != groups_.end()) {
    other_lines_ += others->records.size();
    std::rotate(others, others + 1, groups_.end());
    report_other();
  }
  for (const Group& group : groups_) {
    if (must_end())
      return fail(ErrorKind::Busy, about_file(PhraseId::WriteToFile, group.path), PhraseId::SlurperEnds);
    if (Status written = write(group, add); !written) return written;
  }
  return {};
}

// Many new files may take longer than slurper waits for a sink. The next start resumes within the batch.
bool FileSet::must_end() {
  constexpr std::chrono::seconds kGrace{3};
  pollfd stop{.fd = context_->stop_fd, .events = POLLIN, .revents = 0};
  if (::poll(&stop, 1, 0) != 1) return false;
  if (!stopped_at_) stopped_at_ = Clock::now();
  return Clock::now() - *stopped_at_ > kGrace;
}

Status FileSet::write(const Group& group, const Add& add) {
  const auto file = open_file(group.path);
  if (!file) return std::unexpected(file.error());
  for (const Record* const record : group.records) {
    const auto is_there = has(**file, *record);
    if (!is_there) return std::unexpected(is_there.error());
    if (*is_there) continue;
    if (Status added = add(**file, *record); !added) return added;
  }
  return (*file)->write();
}

Result<FileDestination*> FileSet::open_file(const std::string& path) {
  const auto found = open_.find(path);
  // Of an open file, too: it begins anew if its folder was removed, and a link may be in the folder's place.
  const bool is_durable = settings_.sync.mode != SyncMode::None;
  if (Status made = make_folders(paths_.folder(), path, is_durable); !made) {
    if (found != open_.end()) {
      found->second.file->abandon();
      open_.erase(found);
    }
    return std::unexpected(std::move(made.error()));
  }
  if (found != open_.end()) {
    found->second.used = ++uses_;
    return found->second.file.get();
  }
  while (open_.size() >= max_open_files()) {
    if (Status closed = close_one(); !closed) return std::unexpected(std::move(closed.error()));
  }
  LogSettings settings = settings_;
  settings.path = path;
  auto file = FileDestination::open(settings, *context_, rendering_);
  while (!file && file.error().errnum == EMFILE && !open_.empty()) {
    if (Status closed = close_one(); !closed) return std::unexpected(std::move(closed.error()));
    file = FileDestination::open(settings, *context_, rendering_);
  }
  if (!file) return std::unexpected(std::move(file.error()));
  Open& added = open_[path];
  added = {.file = std::move(*file), .used = ++uses_};
  return added.file.get();
}

// Closes the file that was not used for the longest time.
Status FileSet::close_one() {
  const auto oldest =
      std::ranges::min_element(open_, {}, [](const auto& entry) { return entry.second.used; });
  FileDestination& file = *oldest->second.file;
  if (settings_.sync.mode != SyncMode::None) {
    if (Status synced = file.sync(); !synced) return synced;
  }
  open_.erase(oldest);
  return {};
}

Result<bool> FileSet::has(const FileDestination& file, const Record& record) {
  switch (file.presence_of(record)) {
    case FileDestination::Presence::Absent:
      if (!unverified_.empty() && unverified_.contains(file.path())) break;
      return false;
    case FileDestination::Presence::Present:
      unverified_.try_emplace(file.path(), record.offset());
      return true;
    case FileDestination::Presence::Last:
      unverified_.erase(file.path());
      return true;
    case FileDestination::Presence::Other:
      break;
  }
  return disagree(file);
}

std::unexpected<Error> FileSet::disagree(const FileDestination& file) const {
  return fail(ErrorKind::Data, about_file(PhraseId::WriteToFile, file.path()),
              {PhraseId::LastLineIsOther,
               {{"offset", file.reached()->offset},
                {"log", context_->log_id},
                {"cursor", QuotedText{file.cursor_path()}}}});
}

Status FileSet::sync() {
  for (auto& [path, entry] : open_) {
    if (Status synced = entry.file->sync(); !synced) return synced;
  }
  return {};
}

std::optional<std::uint64_t> FileSet::unverified_from() const {
  std::optional<std::uint64_t> first;
  for (const auto& [path, offset] : unverified_) first = std::min(first.value_or(offset), offset);
  return first;
}

}  // namespace slurper
