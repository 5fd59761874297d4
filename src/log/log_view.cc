#include "log/log_view.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

// What the log's folder reports; the writes come from the active segment alone, since /var/log has many
// files.
constexpr std::uint32_t kInFolder =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kInFile = IN_MODIFY | IN_ATTRIB | IN_DONT_FOLLOW;
constexpr auto kUntilFolderReturns = 1s;

bool has_same_active(const IndexRecord& one, const IndexRecord& other) {
  return one.active_base == other.active_base && one.active_inode == other.active_inode &&
         one.log_id == other.log_id;
}

std::optional<IndexRecord> record_of(Os& os, const LogPaths& paths) {
  const Result<IndexReading> reading = read_index(os, paths);
  return reading && reading->damage.empty() ? reading->record : std::nullopt;
}

// What is the matter with a log that has no index, or one that may not be read, and what to do.
std::unexpected<Error> explained(Os& os, const LogPaths& paths, Error error) {
  struct stat st{};
  const bool is_there = os.lstat(paths.active().c_str(), &st) == 0;
  if (error.kind == ErrorKind::NoInput && error.errnum == ENOENT) {
    return fail(ErrorKind::NoInput, about_file(PhraseId::ReadLog, paths.active()),
                is_there ? PhraseId::NoIndexOfLog : PhraseId::NoLogToVerify);
  }
  if (error.kind == ErrorKind::NoPermission)
    error.advice = {PhraseId::RunAsGroup, {{"file", QuotedText{paths.directory()}}}};
  return std::unexpected(std::move(error));
}

}  // namespace

Result<std::unique_ptr<LogView>> LogView::open(Os& os, LogPaths paths) {
  std::unique_ptr<LogView> view(new LogView(os, std::move(paths)));
  const Result<LogExtent> extent = read_extent(os, view->paths_);
  if (!extent) return explained(os, view->paths_, extent.error());
  view->ids_ = extent->ids;
  view->begin_ = extent->begin;
  const Result<bool> looked = view->look();
  if (!looked) return std::unexpected(looked.error());
  return view;
}

Result<bool> LogView::refresh() {
  const Result<bool> looked = look();
  if (looked) return looked;
  // The writer makes again what others have removed, and a rotation ends.
  const bool passes = looked.error().kind == ErrorKind::NoInput || looked.error().kind == ErrorKind::Busy;
  return passes ? Result<bool>(true) : looked;
}

// Most looks find the same active segment, larger than before: then its size says all.
Result<bool> LogView::look() {
  struct stat st{};
  const std::optional<IndexRecord> record = record_of(os_, paths_);
  const ActiveSegment known = feed_.snapshot().active;
  if (record && record_ && has_same_active(*record, *record_) && known.inode != 0 &&
      os_.lstat(paths_.active().c_str(), &st) == 0 && st.st_ino == known.inode && st.st_dev == known.device) {
    const StreamOffset end =
        known.base + record->own_bytes(known.base, static_cast<std::uint64_t>(st.st_size));
    if (end >= feed_.end()) feed_.publish(known, end);
  } else {
    // In this order: a rotation in between makes is_current() false.
    record_ = record;
    const Result<LogExtent> extent = read_extent(os_, paths_);
    if (!extent) return explained(os_, paths_, extent.error());
    if (!extent->ids.include(ids_.id) && !ids_.include(extent->ids.id)) return false;
    ids_ = extent->ids;
    // Another process has cut the file, and the writer has not seen that yet.
    if (extent->end < feed_.end()) return true;
    feed_.publish(extent->active, extent->end);
    if (extent->active.inode == 0) feed_.leave();
  }
  last_write_.reset();
  if (feed_.end() > feed_.snapshot().active.base && os_.lstat(paths_.active().c_str(), &st) == 0)
    last_write_ =
        Timestamp(std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::nanoseconds(st.st_mtim.tv_nsec));
  return true;
}

bool LogView::is_current() const {
  const std::optional<IndexRecord> record = record_of(os_, paths_);
  return !record || !record_ || has_same_active(*record, *record_);
}

Status LogView::watch() {
  inotify_fd_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const Phrase what = about_file(PhraseId::WatchLog, paths_.active());
  if (!inotify_fd_ && errno == EMFILE) return fail(ErrorKind::Io, what, PhraseId::NoInotifyInstance);
  if (!inotify_fd_) return fail_errno(errno, what);
  folder_watch_ = ::inotify_add_watch(inotify_fd_.get(), paths_.directory().c_str(), kInFolder);
  if (folder_watch_ < 0) return fail_errno(errno, what);
  watch_files();
  return {};
}

// A watch belongs to an inode: adding it again changes nothing, and the active segment gets another at each
// rotation. The old one's watch ends with its file. A failure costs nothing that the next report does not
// mend: the folder reports each new file.
void LogView::watch_files() {
  if (folder_watch_ < 0)
    folder_watch_ = ::inotify_add_watch(inotify_fd_.get(), paths_.directory().c_str(), kInFolder);
  (void)::inotify_add_watch(inotify_fd_.get(), paths_.active().c_str(), kInFile);
}

std::optional<std::chrono::milliseconds> LogView::patience() const {
  if (folder_watch_ >= 0) return std::nullopt;
  return kUntilFolderReturns;
}

void LogView::take_reports() {
  alignas(inotify_event) std::array<char, 16384> reports{};
  for (;;) {
    const ssize_t size = ::read(inotify_fd_.get(), reports.data(), reports.size());
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      inotify_event report{};
      std::memcpy(&report, reports.data() + at, sizeof report);
      const bool is_gone = (report.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
      if (is_gone && report.wd == folder_watch_) folder_watch_ = -1;
      at += static_cast<ssize_t>(sizeof report + report.len);
    }
  }
  watch_files();
}

}  // namespace slurper
