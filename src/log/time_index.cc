#include "log/time_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <new>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenMarks = 500ms;
constexpr std::uint64_t kChunkEntries = 4096;
// A file is rewritten when this much of it, and most of it, is of no use any more.
constexpr std::uint64_t kMinForgotten = 4096;

off_t place_of(std::uint64_t entry) {
  return static_cast<off_t>(kTimesHeaderSize + entry * kTimesEntrySize);
}

// Not the coarse clock for its precision but for its price: one of these for each read(2).
Timestamp now() {
  timespec time{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &time);  // fails for unknown clocks only
  return Timestamp(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

// As many whole entries as there are, from `first` on.
Result<std::vector<std::optional<TimeMark>>> read_entries(Os& os, int fd, std::uint64_t first,
                                                          std::uint64_t count, const std::string& path) {
  std::vector<TimesEntryBytes> bytes(count);
  const std::size_t wanted = count * kTimesEntrySize;
  std::size_t done = 0;
  while (done < wanted) {
    const ssize_t got = os.pread(fd, reinterpret_cast<char*>(bytes.data()) + done, wanted - done,
                                 place_of(first) + static_cast<off_t>(done));
    if (got < 0) return fail_errno(static_cast<int>(-got), about_file(PhraseId::ReadTimes, path));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  std::vector<std::optional<TimeMark>> marks;
  marks.reserve(done / kTimesEntrySize);
  for (std::size_t i = 0; i < done / kTimesEntrySize; ++i) marks.push_back(decode_times_entry(bytes[i]));
  return marks;
}

std::optional<TimeMark> read_entry(Os& os, int fd, std::uint64_t entry) {
  TimesEntryBytes bytes{};
  if (os.pread(fd, bytes.data(), bytes.size(), place_of(entry)) != static_cast<ssize_t>(bytes.size()))
    return std::nullopt;
  return decode_times_entry(bytes);
}

// How many of the first `entries` are of offsets up to `offset`; one that can't be read counts as its
// neighbour before it does.
std::uint64_t entries_up_to(Os& os, int fd, std::uint64_t entries, StreamOffset offset) {
  std::uint64_t begin = 0;
  std::uint64_t end = entries;
  while (begin < end) {
    const std::uint64_t middle = begin + (end - begin) / 2;
    std::uint64_t probe = middle;
    std::optional<TimeMark> mark = read_entry(os, fd, probe);
    while (!mark && probe > begin) mark = read_entry(os, fd, --probe);
    if (!mark || mark->offset <= offset) {
      begin = middle + 1;
    } else {
      end = probe;
    }
  }
  return begin;
}

struct Opened {
  UniqueFd fd;
  std::uint64_t entries = 0;
  bool has_tail = false;  // bytes that are no whole entry
};

// Fails with Data if it is not this log's.
Result<Opened> open_times(Os& os, const LogPaths& paths, const Uuid& log_id, int flags) {
  const Phrase what = about_file(PhraseId::UseTimes, paths.times());
  Opened opened{.fd = UniqueFd(os.open(paths.times().c_str(), flags | O_NOFOLLOW | O_NONBLOCK))};
  if (!opened.fd) return fail_to_open(-opened.fd.get(), paths.times(), what);
  struct stat st{};
  if (const int error = os.fstat(opened.fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (!S_ISREG(st.st_mode)) return fail(ErrorKind::Data, what, not_a_regular_file(paths.times(), st.st_mode));
  TimesHeaderBytes header{};
  if (const ssize_t got = os.pread(opened.fd.get(), header.data(), header.size(), 0); got < 0)
    return fail_errno(static_cast<int>(-got), what);
  const auto id = decode_times_header(header);
  if (!id && id.error() == SlotDamage::Version)
    return fail(ErrorKind::Data, what, PhraseId::WrittenByOtherVersion);
  if (!id) return fail(ErrorKind::Data, what, PhraseId::HeaderDamaged);
  if (*id != log_id) return fail(ErrorKind::Data, what, {PhraseId::OfOtherLog, {{"log", *id}}});
  const auto size = static_cast<std::uint64_t>(st.st_size) -
                    std::min<std::uint64_t>(static_cast<std::uint64_t>(st.st_size), kTimesHeaderSize);
  opened.entries = size / kTimesEntrySize;
  opened.has_tail = size % kTimesEntrySize != 0;
  return opened;
}

// How many of the entries at the file's end to keep: the last ones may be what a crash left.
Result<std::uint64_t> sound_entries(Os& os, int fd, std::uint64_t entries, const std::string& path) {
  while (entries > 0) {
    const std::uint64_t first = entries - std::min(entries, kChunkEntries);
    const auto marks = read_entries(os, fd, first, entries - first, path);
    if (!marks) return std::unexpected(marks.error());
    std::uint64_t sound = 0;
    StreamOffset last;
    for (const std::optional<TimeMark>& mark : *marks) {
      if (!mark || mark->offset < last) break;
      last = mark->offset;
      ++sound;
    }
    if (sound > 0) return first + sound;
    entries = first;
  }
  return 0;
}

}  // namespace

std::unique_ptr<TimeIndex> TimeIndex::open(Os& os, LogPaths paths, const Uuid& log_id,
                                           const FileAccess& access, const Stream& stream) {
  std::unique_ptr<TimeIndex> times(new TimeIndex(os, std::move(paths), log_id, access));
  (void)os.unlink(times->paths_.times_temporary().c_str());  // a crash's; mostly there is none
  Result<std::shared_ptr<File>> file = times->load(stream);
  if (!file) {
    const Error why = file.error();
    if (why.errnum != ENOENT || stream.head.value > 0) {
      times->findings_.push_back({PhraseId::TimesBegunAnew, {{"error", as_phrase(why)}}});
    }
    file = times->begin_anew(nullptr, 0);
  }
  if (file) {
    times->file_ = *file;
    const std::uint64_t entries = (*file)->entries.load();
    const auto last = entries > 0 ? read_entry(os, (*file)->fd.get(), entries - 1) : std::nullopt;
    if (last) times->newest_ = last->offset.value;
  } else {
    times->failed(file.error());
  }
  // How much of what the ring held is marked is unknown.
  if (stream.head > stream.log_end)
    times->mark({.offset = std::max(stream.log_end, times->newest()), .time = now()});
  return times;
}

Result<std::shared_ptr<TimeIndex::File>> TimeIndex::load(const Stream& stream) {
  Result<Opened> opened = open_times(os_, paths_, log_id_, O_RDWR);
  if (!opened) return std::unexpected(opened.error());
  const int fd = opened->fd.get();
  const Result<std::uint64_t> sound = sound_entries(os_, fd, opened->entries, paths_.times());
  if (!sound) return std::unexpected(sound.error());
  // After a loss of power the stream may continue before what had been marked.
  const std::uint64_t entries =
      stream.head.value == 0 ? 0 : entries_up_to(os_, fd, *sound, {stream.head.value - 1});
  if (entries != opened->entries || opened->has_tail) {
    if (const int error = os_.ftruncate(fd, place_of(entries)); error < 0)
      return fail_errno(-error, about_file(PhraseId::CutTimes, paths_.times()));
  }
  auto file = std::make_shared<File>();
  file->fd = std::move(opened->fd);
  file->entries = entries;
  return file;
}

// A new file in the place of the old one, with the entries of `from`, if there is one, from `first` on.
Result<std::shared_ptr<TimeIndex::File>> TimeIndex::begin_anew(const File* from, std::uint64_t first) {
  const std::string path = paths_.times_temporary();
  const Phrase what = about_file(PhraseId::WriteTimes, path);
  (void)os_.unlink(path.c_str());  // of an attempt that failed; a failure shows in open(2)
  auto file = std::make_shared<File>();
  file->fd.reset(os_.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, access_.mode));
  if (!file->fd) return fail_errno(-file->fd.get(), what);
  const auto complete = [&]() -> Status {
    const int fd = file->fd.get();
    if (access_.group != static_cast<gid_t>(-1)) {
      if (const int error = os_.fchown(fd, static_cast<uid_t>(-1), access_.group); error < 0)
        return fail_errno(-error, what);
    }
    if (const int error = os_.fchmod(fd, access_.mode); error < 0) return fail_errno(-error, what);
    const TimesHeaderBytes header = encode_times_header(log_id_);
    const ssize_t written = os_.pwrite(fd, header.data(), header.size(), 0);
    if (written != static_cast<ssize_t>(header.size()))
      return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC, what);
    if (from != nullptr) {
      if (Status copied = copy(*from, first, *file); !copied) return copied;
    }
    if (const int error = os_.rename(path.c_str(), paths_.times().c_str()); error < 0)
      return fail_errno(-error, what);
    return {};
  };
  if (Status done = complete(); !done) {
    (void)os_.unlink(path.c_str());  // the next attempt does it
    return std::unexpected(std::move(done.error()));
  }
  return file;
}

Status TimeIndex::copy(const File& from, std::uint64_t first, File& to) {
  const std::uint64_t end = from.entries.load();
  while (first < end) {
    const std::uint64_t count = std::min(end - first, kChunkEntries);
    const auto marks = read_entries(os_, from.fd.get(), first, count, paths_.times());
    if (!marks) return std::unexpected(marks.error());
    std::vector<TimeMark> good;
    for (const auto& mark : *marks) {
      if (mark) good.push_back(*mark);
    }
    if (Status appended = append(to, good); !appended) return appended;
    first += count;
  }
  return {};
}

// What was written of it before a failure is overwritten by the next one.
Status TimeIndex::append(File& file, std::span<const TimeMark> marks) {
  std::array<TimesEntryBytes, 256> bytes{};
  std::uint64_t entries = file.entries.load();
  while (!marks.empty()) {
    const std::size_t count = std::min(marks.size(), bytes.size());
    for (std::size_t i = 0; i < count; ++i) bytes[i] = encode_times_entry(marks[i]);
    const std::size_t wanted = count * kTimesEntrySize;
    for (std::size_t done = 0; done < wanted;) {
      const ssize_t written = os_.pwrite(file.fd.get(), reinterpret_cast<const char*>(bytes.data()) + done,
                                         wanted - done, place_of(entries) + static_cast<off_t>(done));
      if (written <= 0)
        return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC,
                          about_file(PhraseId::WriteTimes, paths_.times()));
      done += static_cast<std::size_t>(written);
    }
    entries += count;
    marks = marks.subspan(count);
  }
  file.entries = entries;
  return {};
}

void TimeIndex::coming(StreamOffset head) {
  // Both ways: the clock may be set back. And not the steady one, which sleeps when the machine does.
  const Timestamp time = now();
  if (marked_ && time >= last_time_ && time < last_time_ + kBetweenMarks) return;
  marked_ = true;
  last_time_ = time;
  mark({.offset = head, .time = time});
}

void TimeIndex::mark(const TimeMark& mark) {
  intake_.assert_is_caller();
  const std::lock_guard lock(mutex_);
  SLURPER_ASSERT(unwritten_.empty() || unwritten_.back().offset <= mark.offset);
  if (!unwritten_.empty() && unwritten_.back().offset == mark.offset) {
    unwritten_.back() = mark;
  } else {
    if (unwritten_.size() == kMaxUnwritten) thin_out();
    unwritten_.push_back(mark);
  }
  newest_.store(mark.offset.value);
  has_unwritten_.store(true);
}

// Makes room: what was kept so far is as coarse as it must be, and what comes later gets no finer.
void TimeIndex::thin_out() {
  for (;;) {
    auto kept = unwritten_.begin();
    for (const TimeMark& mark : unwritten_) {
      if (mark.time < kept->time || mark.time >= kept->time + spacing_) *++kept = mark;
    }
    unwritten_.erase(std::next(kept), unwritten_.end());
    if (unwritten_.size() <= kMaxUnwritten / 2 || spacing_ >= kCoarsest) break;
    spacing_ *= 2;
  }
  // A clock that is set back all the time.
  if (unwritten_.size() == kMaxUnwritten) unwritten_.erase(unwritten_.begin());
}

void TimeIndex::write() {
  if (is_lost_) follow_path();
  std::vector<TimeMark>& marks = writing_;
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(mutex_);
    has_unwritten_.store(false);
    marks.assign(unwritten_.begin(), unwritten_.end());
    file = file_;
  }
  if (marks.empty()) return;
  if (!file) {
    auto made = begin_anew(nullptr, 0);
    if (!made) return failed(made.error());
    file = *made;
  }
  const Status appended = append(*file, marks);
  {
    const std::lock_guard lock(mutex_);
    file_ = file;
    // The intake may have replaced the last one since, or thinned them out.
    if (appended) {
      const auto left = std::ranges::find_if(unwritten_, [&](const TimeMark& mark) {
        return mark.offset >= marks.back().offset && mark != marks.back();
      });
      unwritten_.erase(unwritten_.begin(), left);
    }
    if (unwritten_.empty()) spacing_ = kFinest;
  }
  if (!appended) return failed(appended.error());
  if (std::exchange(failing_, false)) findings_.emplace_back(PhraseId::TimesWork);
  rewrite_if_worth_it();
}

void TimeIndex::follow_path() {
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(mutex_);
    file = file_;
  }
  is_lost_ = false;
  if (!file) return;  // write() makes it
  struct stat ours{};
  struct stat named{};
  if (os_.fstat(file->fd.get(), &ours) < 0) return;
  if (os_.lstat(paths_.times().c_str(), &named) >= 0 && named.st_dev == ours.st_dev &&
      named.st_ino == ours.st_ino)
    return;
  const auto made = begin_anew(file.get(), 0);
  if (!made) {
    is_lost_ = true;
    return failed(made.error());
  }
  const std::lock_guard lock(mutex_);
  file_ = *made;
}

void TimeIndex::forget_before(StreamOffset offset) {
  std::uint64_t before = forget_before_.load();
  while (before < offset.value && !forget_before_.compare_exchange_weak(before, offset.value)) {
  }
}

void TimeIndex::rewrite_if_worth_it() {
  try {
    rewrite_without_what_is_forgotten();
  } catch (const std::bad_alloc&) {
    // The old file is as good; the next segment that goes is the next occasion.
  }
}

void TimeIndex::rewrite_without_what_is_forgotten() {
  const StreamOffset forget{forget_before_.load()};
  if (forget <= forgotten_) return;
  forgotten_ = forget;
  const std::uint64_t entries = file_->entries.load();
  const std::uint64_t useless = entries_up_to(os_, file_->fd.get(), entries, forget);
  // The last one up to there is of the first byte that is left.
  if (useless <= kMinForgotten || useless < entries / 2) return;
  const auto file = begin_anew(file_.get(), useless - 1);
  if (!file) return failed(file.error());  // the old one is as good
  const std::lock_guard lock(mutex_);
  file_ = *file;
}

void TimeIndex::failed(const Error& error) {
  if (std::exchange(failing_, true)) return;
  findings_.push_back({PhraseId::TimesFail, {{"error", as_phrase(error)}}});
}

std::optional<TimeIndex::Found> TimeIndex::find(StreamOffset offset) const {
  std::shared_ptr<File> file;
  std::uint64_t entries = 0;
  std::optional<StreamOffset> next;
  {
    const std::lock_guard lock(mutex_);
    const auto behind = std::ranges::upper_bound(unwritten_, offset, {}, &TimeMark::offset);
    if (behind != unwritten_.end()) next = behind->offset;
    if (behind != unwritten_.begin()) return Found{.mark = *std::prev(behind), .next = next};
    file = file_;
    if (!file) return std::nullopt;
    entries = file->entries.load();
  }
  const int fd = file->fd.get();
  std::uint64_t found = entries_up_to(os_, fd, entries, offset);
  if (found < entries) {
    if (const auto behind = read_entry(os_, fd, found)) next = behind->offset;
  }
  while (found > 0) {
    if (const auto mark = read_entry(os_, fd, --found)) return Found{.mark = *mark, .next = next};
  }
  return std::nullopt;
}

Result<std::optional<Phrase>> inspect_times(Os& os, const LogPaths& paths, const Uuid& log_id) {
  const Result<Opened> opened = open_times(os, paths, log_id, O_RDONLY);
  if (!opened && opened.error().kind == ErrorKind::Data) return opened.error().why;
  if (!opened) return std::unexpected(opened.error());
  const Result<std::uint64_t> sound = sound_entries(os, opened->fd.get(), opened->entries, paths.times());
  if (!sound) return std::unexpected(sound.error());
  if (*sound == opened->entries) return std::nullopt;
  return Phrase(PhraseId::LastEntriesDamaged, {{"count", opened->entries - *sound}});
}

}  // namespace slurper
