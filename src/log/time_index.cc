#include "log/time_index.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <new>
#include <utility>

#include "base/error.h"

namespace slurper {

namespace {

// A file is rewritten if it has more than so many useless entries, and they are most of its entries.
constexpr std::uint64_t kMinForgotten = 4096;

// The coarse clock is precise enough, and cheap: it is read at each read(2).
Timestamp now() {
  timespec time{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &time);  // fails for unknown clocks only
  return Timestamp(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

std::unique_ptr<TimeIndex> TimeIndex::open(Os& os, LogPaths paths, const LogIds& log,
                                           const FileAccess& access, const Stream& stream) {
  std::unique_ptr<TimeIndex> times(new TimeIndex(os, std::move(paths), log, access));
  (void)os.unlink(times->paths_.times_temporary().c_str());  // a crash may have left one
  Result<std::shared_ptr<TimesFile>> file = times->load(stream);
  if (!file) {
    const Error why = file.error();
    if (why.errnum != ENOENT || stream.head.value > 0) {
      times->findings_.push_back({PhraseId::TimesBegunAnew, {{"error", as_phrase(why)}}});
    }
    file = times->begin_anew(nullptr, 0);
  }
  if (file) {
    times->file_ = *file;
    const std::uint64_t entries = (*file)->entries();
    const auto last = entries > 0 ? (*file)->mark(entries - 1) : std::nullopt;
    if (last) times->newest_ = last->offset.value;
  } else {
    times->failed(file.error());
  }
  // It is unknown which of the bytes that the ring held are marked.
  if (stream.head > stream.log_end)
    times->mark({.offset = std::max(stream.log_end, times->newest()), .time = now()});
  return times;
}

Result<std::shared_ptr<TimesFile>> TimeIndex::load(const Stream& stream) {
  Result<std::shared_ptr<TimesFile>> file = TimesFile::open(os_, paths_, log_, O_RDWR);
  if (!file) return file;
  const Result<std::uint64_t> sound = (*file)->sound_entries();
  if (!sound) return std::unexpected(sound.error());
  // After a loss of power the stream may continue before what had been marked.
  const std::uint64_t entries =
      stream.head.value == 0 ? 0 : (*file)->count_up_to({stream.head.value - 1}, *sound);
  if (entries != (*file)->entries() || (*file)->has_tail()) {
    if (Status cut = (*file)->cut(entries); !cut) return std::unexpected(std::move(cut.error()));
  }
  if ((*file)->has_former_id()) {
    if (Status renamed = (*file)->rename(log_.id); !renamed)
      return std::unexpected(std::move(renamed.error()));
  }
  return file;
}

Result<std::shared_ptr<TimesFile>> TimeIndex::begin_anew(const TimesFile* from, std::uint64_t first) {
  return TimesFile::create(os_, paths_, log_.id, access_, from, first);
}

void TimeIndex::coming(StreamOffset head, RecentArrivals::Clock::time_point now_steady) {
  recent_.note(head, now_steady);
  // The clock may be set back, so both sides are compared. The steady clock would stop while the machine
  // sleeps.
  const Timestamp time = now();
  if (marked_ && time >= last_time_ && time < last_time_ + kMarkSpan) return;
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

// Makes room: thins the marks out as far as needed. Later marks get no finer.
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
  // The clock is set back all the time.
  if (unwritten_.size() == kMaxUnwritten) unwritten_.erase(unwritten_.begin());
}

void TimeIndex::write() {
  if (is_lost_) follow_path();
  std::vector<TimeMark>& marks = writing_;
  std::shared_ptr<TimesFile> file;
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
  const Status appended = file->append(marks);
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
  std::shared_ptr<TimesFile> file;
  {
    const std::lock_guard lock(mutex_);
    file = file_;
  }
  is_lost_ = false;
  if (!file) return;  // write() makes it
  if (file->is_at_path()) return;
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
    // The old file will do. When the next segment is removed, slurper tries again.
  }
}

void TimeIndex::rewrite_without_what_is_forgotten() {
  const StreamOffset forget{forget_before_.load()};
  if (forget <= forgotten_) return;
  forgotten_ = forget;
  const std::uint64_t entries = file_->entries();
  const std::uint64_t useless = file_->count_up_to(forget, entries);
  // The last of these marks applies to the first byte that is left.
  if (useless <= kMinForgotten || useless < entries / 2) return;
  const auto file = begin_anew(file_.get(), useless - 1);
  if (!file) return failed(file.error());  // the old file will do
  const std::lock_guard lock(mutex_);
  file_ = *file;
}

void TimeIndex::failed(const Error& error) {
  if (std::exchange(failing_, true)) return;
  findings_.push_back({PhraseId::TimesFail, {{"error", as_phrase(error)}}});
}

std::optional<RecentArrivals::Arrival> TimeIndex::arrival(StreamOffset offset) const {
  if (const auto recent = recent_.find(offset)) return recent;
  const auto found = find(offset);
  if (!found) return std::nullopt;
  // As long ago by one clock as by the other.
  return RecentArrivals::Arrival{.time = RecentArrivals::Clock::now() - (now() - found->mark.time),
                                 .end = found->next};
}

std::optional<TimeIndex::Found> TimeIndex::find(StreamOffset offset) const {
  std::shared_ptr<TimesFile> file;
  std::uint64_t entries = 0;
  std::optional<StreamOffset> next;
  {
    const std::lock_guard lock(mutex_);
    const auto behind = std::ranges::upper_bound(unwritten_, offset, {}, &TimeMark::offset);
    if (behind != unwritten_.end()) next = behind->offset;
    if (behind != unwritten_.begin()) return Found{.mark = *std::prev(behind), .next = next};
    file = file_;
    if (!file) return std::nullopt;
    entries = file->entries();
  }
  std::uint64_t found = file->count_up_to(offset, entries);
  if (found < entries) {
    if (const auto behind = file->mark(found)) next = behind->offset;
  }
  while (found > 0) {
    if (const auto mark = file->mark(--found)) return Found{.mark = *mark, .next = next};
  }
  return std::nullopt;
}

}  // namespace slurper
