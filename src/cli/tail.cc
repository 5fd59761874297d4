#include "cli/tail.h"

#include <poll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/local_time.h"
#include "base/phrase_id.h"
#include "cli/tail_output.h"
#include "cli/tail_reader.h"
#include "log/line_begin.h"

namespace slurper {

namespace {

// The last lines are searched backwards, in windows that grow.
constexpr std::uint64_t kFirstWindow = std::uint64_t{256} << 10;  // bytes
constexpr std::uint64_t kLargestWindow = std::uint64_t{16} << 20;

class Tail : public TailListener {
 public:
  Tail(const TailRequest& request, int out_fd, std::FILE* err)
      : request_(request),
        choice_(request.times, request.filter),
        output_(out_fd, err),
        paths_(std::filesystem::absolute(request.log_path).lexically_normal().string()),
        follows_(request.follows && !is_over()) {}

  int run();

  void line(const Record& record, const ArrivalTimes::Block& block) override;
  void gap(StreamOffset from, StreamOffset to, Gap why) override;
  void damage(const Error& error) override;
  [[nodiscard]] bool is_done() const override { return output_.has_failed(); }

 private:
  Status open();
  Status show_history();
  Result<StreamOffset> history_begin();
  Status show_all(const std::vector<OffsetRange>& ranges);
  Status show_last(const std::vector<OffsetRange>& ranges);
  Status read(OffsetRange range);
  [[nodiscard]] OffsetRange window(OffsetRange left, std::uint64_t size) const;
  Status follow();
  Status wait_for_more(int timer_fd);
  [[nodiscard]] bool is_over() const;
  void tell_gaps();
  [[nodiscard]] TailChoice::Findings findings();

  const TailRequest& request_;
  TailChoice choice_;
  TailOutput output_;
  const LogPaths paths_;
  const bool follows_;
  std::optional<TailedLog> log_;
  std::vector<Segment> segments_;       // by base, the active one last
  StreamOffset begin_;                  // a line begins here
  StreamOffset end_;                    // of what was there at the start
  std::unique_ptr<TailReader> reader_;  // stands at the end of what was shown
  bool is_damaged_ = false;
  bool is_reader_gone_ = false;

  std::string text_;
  // While the last lines are searched: those of the window, and the gaps, by their beginnings.
  std::optional<std::uint64_t> most_;
  std::deque<std::string> lines_;
  std::map<StreamOffset, std::pair<StreamOffset, Gap>> gaps_;
};

void Tail::line(const Record& record, const ArrivalTimes::Block& block) {
  if (!choice_.wants(record, block)) return;
  text_.clear();
  request_.format.append(record, text_);
  if (!most_) return output_.add(text_);
  if (lines_.size() == *most_) lines_.pop_front();
  lines_.push_back(text_);
}

void Tail::gap(StreamOffset from, StreamOffset to, Gap why) {
  if (!most_) return output_.note_gap(from, to, why);
  const auto [known, is_new] = gaps_.try_emplace(from, to, why);
  if (!is_new) known->second.first = std::max(known->second.first, to);
}

// Windows that end or begin in a gap hear of its parts.
void Tail::tell_gaps() {
  for (auto gap = gaps_.begin(); gap != gaps_.end();) {
    auto [to, why] = gap->second;
    auto next = std::next(gap);
    for (; next != gaps_.end() && next->first <= to; ++next) to = std::max(to, next->second.first);
    output_.note_gap(gap->first, to, why);
    gap = next;
  }
  gaps_.clear();
}

void Tail::damage(const Error& error) {
  is_damaged_ = true;
  output_.note(error);
}

Status Tail::open() {
  auto log = TailedLog::open(kernel(), paths_);
  if (!log) return std::unexpected(std::move(log.error()));
  reader_.reset();
  log_.emplace(std::move(*log));
  auto segments = list_segments(kernel(), paths_);
  if (!segments) return std::unexpected(std::move(segments.error()));
  segments_ = std::move(*segments);
  segments_.push_back({.base = log_->view->feed().snapshot().active.base,
                       .path = paths_.active(),
                       .stored = 0,
                       .compressed = false,
                       .mtime = {}});
  return {};
}

Result<StreamOffset> Tail::history_begin() {
  const LogView& view = *log_->view;
  if (!request_.from) return view.begin();
  const StreamOffset from = *request_.from;
  if (from > view.end()) {
    return fail(ErrorKind::Data,
                about_file(PhraseId::ReadLogFrom, paths_.active()).with({"offset", from.value}),
                {PhraseId::NothingWrittenThere, {{"end", view.end().value}}});
  }
  // What was removed is told when it is read.
  if (from <= view.begin()) return from;
  return line_begin(kernel(), paths_, view.feed(), from);
}

TailChoice::Findings Tail::findings() {
  return {.clock_set_back =
              [this](StreamOffset at, Timestamp before, Timestamp after) {
                output_.note({PhraseId::ClockSetBack,
                              {{"offset", at.value},
                               {"before", local_time_text(before)},
                               {"after", local_time_text(after)}}});
              },
          .arrivals_unknown =
              [this](OffsetRange unknown) {
                output_.note(
                    {PhraseId::ArrivalsUnknown, {{"from", unknown.begin.value}, {"to", unknown.end.value}}});
              },
          .begins_later =
              [this] {
                if (begin_ == log_->view->begin() && begin_.value > 0)
                  output_.note_gap({}, begin_, Gap::Removed);
              }};
}

Status Tail::show_history() {
  const Result<StreamOffset> begin = history_begin();
  if (!begin) return std::unexpected(begin.error());
  begin_ = *begin;
  end_ = log_->view->end();
  const auto ranges = choice_.ranges(log_->times, {.begin = begin_, .end = end_}, findings());
  if (!request_.lines) return show_all(ranges);
  if (*request_.lines == 0) return {};
  most_ = request_.lines;
  Status shown = choice_.needs_order(log_->times, ranges) ? show_all(ranges) : show_last(ranges);
  most_.reset();
  tell_gaps();
  for (const std::string& line : lines_) output_.add(line);
  lines_.clear();
  return shown;
}

Status Tail::show_all(const std::vector<OffsetRange>& ranges) {
  for (const OffsetRange& range : ranges) {
    if (Status done = read(range); !done || is_done()) return done;
  }
  return {};
}

// Reads the lines that begin in the range. The reader of the log's end is kept, to follow it.
Status Tail::read(OffsetRange range) {
  const bool is_base = std::ranges::binary_search(segments_, range.begin, {}, &Segment::base);
  auto reader = std::make_unique<TailReader>(*log_, *this, range.begin, range.begin == begin_ || is_base);
  const bool is_last = range.end == end_;
  if (Status done = reader->read_to(range.end); !done) return done;
  if (is_last && !follows_) reader->flush(range.end);
  if (is_last) reader_ = std::move(reader);
  return {};
}

Status Tail::show_last(const std::vector<OffsetRange>& ranges) {
  const std::uint64_t wanted = *request_.lines;
  std::deque<std::string> found;
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
    OffsetRange left = *range;
    std::uint64_t size = kFirstWindow;
    while (left.begin < left.end && found.size() < wanted && !is_done()) {
      const OffsetRange part = window(left, size);
      most_ = wanted - found.size();
      if (Status done = read(part); !done) return done;
      found.insert(found.begin(), std::make_move_iterator(lines_.begin()),
                   std::make_move_iterator(lines_.end()));
      lines_.clear();
      left.end = part.begin;
      size = std::min(4 * size, kLargestWindow);
    }
  }
  lines_ = std::move(found);
  return {};
}

// The last `size` bytes, but of one segment alone; of a compressed one all, since it is read from its
// beginning.
OffsetRange Tail::window(OffsetRange left, std::uint64_t size) const {
  StreamOffset begin = left.end - left.begin > size ? StreamOffset{left.end.value - size} : left.begin;
  const auto behind = std::ranges::lower_bound(segments_, left.end, {}, &Segment::base);
  if (behind != segments_.begin()) {
    const Segment& segment = *std::prev(behind);
    begin = std::max(segment.compressed ? left.begin : begin, segment.base);
  }
  return {.begin = std::max(begin, left.begin), .end = left.end};
}

bool Tail::is_over() const {
  const auto& until = request_.times.until;
  return until && std::chrono::system_clock::now() > *until;
}

// Lets the timer expire when the clock shows `moment`, also if the clock is set meanwhile.
void set_alarm(int timer_fd, Timestamp moment) {
  const auto second = std::chrono::floor<std::chrono::seconds>(moment);
  itimerspec at{};
  at.it_value.tv_sec = second.time_since_epoch().count();
  at.it_value.tv_nsec = std::max<std::int64_t>((moment - second).count(), 1);  // 0 and 0 would disarm it
  (void)::timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, nullptr);  // fails for wrong arguments only
}

Status Tail::wait_for_more(int timer_fd) {
  // Each time: an alarm that has expired stays so when the clock is set back.
  if (const auto& until = request_.times.until) set_alarm(timer_fd, *until);
  std::array<pollfd, 3> wakers = {pollfd{.fd = log_->view->wait_fd(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = output_.fd(), .events = 0, .revents = 0},
                                  pollfd{.fd = timer_fd, .events = POLLIN, .revents = 0}};
  const auto patience = log_->view->patience();
  const int timeout = patience ? static_cast<int>(patience->count()) : -1;
  if (::poll(wakers.data(), wakers.size(), timeout) < 0 && errno != EINTR)
    return fail_errno(errno, about_file(PhraseId::WatchLog, paths_.active()));
  is_reader_gone_ = (wakers[1].revents & (POLLERR | POLLHUP)) != 0;
  log_->view->take_reports();
  return {};
}

Status Tail::follow() {
  const UniqueFd timer_fd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (Status watched = log_->view->watch(); !watched) return watched;
  while (!is_done() && !is_reader_gone_) {
    const bool is_last = is_over();  // the clock comes first: what came before it is read yet
    const Result<bool> looked = log_->refresh();
    if (!looked) return std::unexpected(looked.error());
    if (!*looked) {
      output_.note(about_file(PhraseId::OtherLogThere, paths_.active()));
      if (Status opened = open(); !opened) return opened;
      if (Status watched = log_->view->watch(); !watched) return watched;
      begin_ = log_->view->begin();
      reader_ = std::make_unique<TailReader>(*log_, *this, begin_, true);
      continue;
    }
    if (Status done = reader_->read_to(ArrivalTimes::kOpen); !done) return done;
    if (is_last) reader_->flush(ArrivalTimes::kOpen);
    output_.flush();
    if (is_last) break;
    if (Status waited = wait_for_more(timer_fd.get()); !waited) return waited;
  }
  return {};
}

int Tail::run() {
  Status done = open();
  if (done) done = show_history();
  output_.flush();
  if (done && follows_) {
    if (!reader_) {
      reader_ = std::make_unique<TailReader>(*log_, *this, end_, end_ == begin_);
    }
    done = follow();
  }
  output_.flush();
  if (!done) {
    output_.note(done.error());
    return std::to_underlying(done.error().kind);
  }
  if (const int errnum = output_.errnum(); errnum != 0) {
    const Error error = fail_errno(errnum, PhraseId::WriteStandardOutput).error();
    output_.note(error);
    return std::to_underlying(error.kind);
  }
  return is_damaged_ ? std::to_underlying(ErrorKind::Data) : 0;
}

}  // namespace

int tail_command(const TailRequest& request, int out_fd, std::FILE* err) {
  return Tail(request, out_fd, err).run();
}

}  // namespace slurper
