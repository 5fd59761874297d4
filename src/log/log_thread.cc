#include "log/log_thread.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/start_thread.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

// A write(2) holds the file's lock and, once killed, is finished first: short enough for both, long enough to
// make a call's price small.
constexpr std::uint64_t kMaxWrite = 1 << 20;

constexpr auto kFirstRetry = 100ms;
constexpr auto kLastRetry = 1000ms;

// Reports what the housekeeper does, on its thread.
class Housekeeping : public HousekeeperListener {
 public:
  Housekeeping(TimeIndex& times, EventListener& events) : times_(times), events_(events) {}

 private:
  void on_compressed(const Segment& raw, const Segment& compressed) override {
    events_.report(EventId::SegmentCompressed, {{"segment", Quoted{raw.path}},
                                                {"raw", ByteSize{raw.stored}},
                                                {"compressed", ByteSize{compressed.stored}}});
  }
  void on_removed(const Segment& segment) override {
    events_.report(EventId::SegmentRemoved, {{"segment", Quoted{segment.path}}});
    times_.forget_before(segment.base);
  }
  void on_removed_for_room(const Segment& segment) override {
    events_.report(EventId::SegmentRemovedEarly, {{"segment", Quoted{segment.path}}});
    times_.forget_before(segment.base);
  }
  void on_leftover_removed(const std::string& path) override {
    events_.report(EventId::LeftoverRemoved, {{"file", Quoted{path}}});
  }
  void on_housekeeping_failed(const Error& error) override {
    events_.report(EventId::HousekeepingFailed, {{"error", &error}});
  }
  void on_all_kept() override { events_.report(EventId::HousekeepingComplete); }

  TimeIndex& times_;
  EventListener& events_;
};

}  // namespace

LogThread::LogThread(Ring& ring, LogWriter& writer, TimeIndex& times, const LogSettings& settings,
                     EventListener& events, std::function<void()> made_room)
    : ring_(ring),
      writer_(writer),
      times_(times),
      events_(events),
      made_room_(std::move(made_room)),
      housekeeper_listener_(std::make_unique<Housekeeping>(times, events)),
      housekeeping_(housekeeping(settings)),
      sync_(settings.sync),
      when_disk_full_(settings.when_disk_full),
      backoff_(kFirstRetry, kLastRetry) {
  publish();
}

LogThread::~LogThread() {
  (void)stop(0ms);
}

Status LogThread::start() {
  auto housekeeper = Housekeeper::start(kernel(), writer_.paths(), housekeeping_, *housekeeper_listener_);
  if (!housekeeper) return std::unexpected(housekeeper.error());
  housekeeper_ = std::move(*housekeeper);
  housekept_ = writer_.indexed_base();
  housekeeper_->notify(housekept_);
  Result<std::thread> thread = start_thread<std::thread>("log", [this] {
    (void)::pthread_setname_np(::pthread_self(), "log");
    tid_ = ::gettid();
    run_or_end_process("log", [this] { run(); });
  });
  if (!thread) return std::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

LogStatus LogThread::status() const {
  const Housekeeper::Counters kept = housekeeper_ ? housekeeper_->counters() : Housekeeper::Counters();
  const ActiveSegment active = writer_.feed().snapshot().active;
  return {.path = writer_.paths().active(),
          .device = active.device,
          .inode = active.inode,
          .synced = {synced_.load()},
          .rotations = rotations_.load(),
          .lines = lines_.load(),
          .bytes = bytes_.load(),
          .end = writer_.feed().end(),
          .synced_at =
              std::chrono::system_clock::time_point(std::chrono::system_clock::duration(synced_at_.load())),
          .segments = kept.segments,
          .segment_bytes = kept.segment_bytes,
          .sync_duration = sync_duration_.counts(),
          .latency = latency_.counts()};
}

Housekeeper::Options LogThread::housekeeping(const LogSettings& settings) {
  return {
      .compress = settings.compress,
      .limits = {.keep_files = settings.keep_files, .keep_size = settings.keep_size},
  };
}

void LogThread::rotate(std::shared_ptr<RotationRequest> request) {
  {
    const std::lock_guard lock(mutex_);
    if (request) new_rotations_.push_back(std::move(request));
    rotate_requested_ = true;
    requested_ = true;
  }
  bell_.ring();
}

void LogThread::reload(const LogSettings& settings) {
  {
    const std::lock_guard lock(mutex_);
    reload_requested_ = settings;
    requested_ = true;
  }
  bell_.ring();
}

bool LogThread::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return ring_.used() == 0;
  {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
    requested_ = true;
    give_up_at_ = Clock::now() + patience;
  }
  bell_.ring();
  thread_.join();
  return ring_.used() == 0;
}

void LogThread::run() {
  for (;;) {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (requested_.load()) serve_requests();
    const bool pending = ring_.used() > 0;
    if (pending && Clock::now() >= retry_at_ && write_some()) continue;
    sync_if_due();
    rotate_if_due();
    if (stopping_ && (ring_.used() == 0 || Clock::now() >= give_up_at_)) break;
    sleep();
  }
  times_.write();
  if (const Status closed = writer_.close(); !closed)
    events_.report(EventId::LogCloseFailed, {{"error", &closed.error()}});
  report_findings();
  publish();
}

void LogThread::serve_requests() {
  std::optional<LogSettings> reload;
  bool rotate = false;
  {
    const std::lock_guard lock(mutex_);
    requested_ = false;
    stopping_ = stop_requested_;
    std::swap(reload, reload_requested_);
    std::swap(rotate, rotate_requested_);
    std::ranges::move(new_rotations_, std::back_inserter(open_rotations_));
    new_rotations_.clear();
  }
  if (reload) {
    sync_ = reload->sync;
    when_disk_full_ = reload->when_disk_full;
    housekeeper_->set_options(housekeeping(*reload));
    housekeeper_->notify(writer_.indexed_base());
    writer_.set_limits(*reload);
    const Result<bool> reopened = writer_.reopen();
    if (!reopened) events_.report(EventId::LogReopenFailed, {{"error", &reopened.error()}});
  }
  if (rotate) rotate_now();
  publish();
}

void LogThread::rotate_now() {
  using enum RotationRequest::State;
  const bool is_empty = writer_.active_base() == writer_.end();
  rotates_from_ = writer_.active_base();
  const Status rotated = writer_.rotate();
  if (!rotated) return rotation_failed(rotated.error());
  note_rotation();
  for (const auto& request : open_rotations_)
    request->note({.state = is_empty ? NothingToDo : AmidALine, .error = {}});
  if (is_empty) open_rotations_.clear();
}

// Whoever asked for a rotation that waited for the end of a line learns of it.
void LogThread::note_rotation() {
  if (open_rotations_.empty() || writer_.active_base() == rotates_from_) return;
  for (const auto& request : open_rotations_)
    request->note({.state = RotationRequest::State::Done,
                   .rotated = writer_.rotated_to(),
                   .begin = writer_.active_base(),
                   .error = {}});
  open_rotations_.clear();
}

// One write; true if it got somewhere.
bool LogThread::write_some() {
  const StreamOffset from = ring_.tail();
  const StreamOffset to = std::min(ring_.head(), from + kMaxWrite);
  // First: who reads these bytes asks when they came.
  if (times_.has_unwritten()) times_.write();
  const Result<std::size_t> written = writer_.append(ring_.bytes(from, to));
  if (const auto failure = writer_.take_rotation_failure()) {
    rotation_failed(*failure);
  }
  if (!written) {
    failed(written.error());
    return false;
  }
  if (failing_) {
    events_.report(EventId::LogWrittenAgain,
                   {{"after", Clock::now() - failing_since_}, {"waiting", ByteSize{ring_.used()}}});
    failing_ = false;
    place_is_taken_ = false;
    retry_at_ = {};
  }
  const auto now = Clock::now();
  lines_.store(lines_.load(std::memory_order_relaxed) + measure(from, from + *written, now),
               std::memory_order_relaxed);
  bytes_.store(bytes_.load(std::memory_order_relaxed) + *written, std::memory_order_relaxed);
  ring_.release(from + *written);
  note_rotation();
  // The line may have ended, and whoever asked waits.
  if (!open_rotations_.empty()) rotate_now();
  if (sync_.mode == SyncMode::Always) {
    sync();
  } else if (sync_.mode == SyncMode::Periodic && !sync_due_) {
    sync_due_ = now + sync_.period;
  }
  publish();
  if (room_wanted_.load() && room_wanted_.exchange(false)) made_room_();
  return true;
}

// Counts the lines that end in [from, to), which were written by `now`, each with its latency. One read from
// the FIFO after the other: the bytes are scanned once, however many reads they came by.
std::uint64_t LogThread::measure(StreamOffset from, StreamOffset to, Clock::time_point now) {
  std::uint64_t lines = 0;
  while (from < to) {
    const auto arrival = times_.arrival(from);
    // A damaged file of times must not hold up the loop.
    const bool has_next = arrival && arrival->end && *arrival->end > from;
    const StreamOffset end = has_next ? std::min(*arrival->end, to) : to;
    const std::uint64_t ended = count_lines(std::string_view(ring_.bytes(from, end)));
    if (arrival && ended > 0) latency_.observe(now - arrival->time, ended);
    lines += ended;
    from = end;
  }
  return lines;
}

void LogThread::sync_if_due() {
  if (!sync_due_ || Clock::now() < *sync_due_) return;
  sync_due_.reset();
  sync();
  publish();
}

void LogThread::sync() {
  const auto begin = Clock::now();
  const Status synced = writer_.sync();
  sync_duration_.observe(Clock::now() - begin);
  if (!synced) {
    events_.report(EventId::LogSyncFailed, {{"error", &synced.error()}});
    sync_due_ = Clock::now() + kLastRetry;
  } else {
    synced_at_ = std::chrono::system_clock::now().time_since_epoch().count();
    events_.report(EventId::LogSyncedAgain);
  }
}

// By age: a log that nothing is written to is rotated, too.
void LogThread::rotate_if_due() {
  const auto due = writer_.rotation_due();
  if (!due || std::chrono::system_clock::now() < *due) return;
  if (const Status rotated = writer_.rotate(); !rotated) rotation_failed(rotated.error());
  publish();
}

// Until there is something to do. An idle log sleeps without a limit.
void LogThread::sleep() {
  Clock::time_point until = Clock::time_point::max();
  if (sync_due_) until = std::min(until, *sync_due_);
  if (const auto due = writer_.rotation_due()) {
    const auto left =
        std::max<std::chrono::system_clock::duration>(*due - std::chrono::system_clock::now(), 1ms);
    until = std::min(until, Clock::now() + left);
  }
  const bool waiting_to_retry = failing_;
  if (waiting_to_retry) until = std::min(until, retry_at_);
  if (stopping_) until = std::min(until, give_up_at_);
  const auto something_to_do = [&] { return requested_.load() || (!waiting_to_retry && ring_.used() > 0); };
  while (!something_to_do() && Clock::now() < until) bell_.wait(until);
}

void LogThread::publish() {
  note_rotation();
  writer_.publish();  // before the housekeeper is told of a rotated segment
  if (const std::uint64_t renewals = writer_.feed().renewals(); renewals != renewals_) {
    renewals_ = renewals;
    times_.follow_path();
  }
  synced_ = writer_.synced().value;
  if (rotations_.exchange(writer_.rotations()) != writer_.rotations()) events_.report(EventId::LogRotated);
  // Not before the index says so: after a crash it is the rotated segment that tells where the active one
  // begins.
  if (const StreamOffset base = writer_.indexed_base(); housekeeper_ && base != housekept_) {
    housekept_ = base;
    housekeeper_->notify(base);
  }
  report_findings();
}

// What others have done to the log. Whoever does it all the time is not reported all the time: these messages
// may well come back through the FIFO.
void LogThread::report_findings() {
  const auto report = [this](const Phrase& finding) {
    events_.report(EventId::LogFinding, {{"log", Quoted{writer_.paths().active()}}, {"text", &finding}});
  };
  for (const Phrase& finding : writer_.take_findings()) report(finding);
  for (const Phrase& finding : times_.take_findings()) report(finding);
}

// It is tried again with the next lines.
void LogThread::rotation_failed(const Error& error) {
  for (const auto& request : open_rotations_)
    request->note({.state = RotationRequest::State::Failed, .error = error});
  open_rotations_.clear();
  events_.report(EventId::LogRotationFailed, {{"error", &error}});
}

// Tries again with growing pauses.
void LogThread::failed(const Error& error) {
  const auto now = Clock::now();
  report_findings();
  const bool disk_is_full = error.errnum == ENOSPC || error.errnum == EDQUOT;
  place_is_taken_ = error.kind == ErrorKind::Data || error.kind == ErrorKind::Busy;
  if (disk_is_full && when_disk_full_ == WhenDiskFull::RemoveOldest) housekeeper_->make_room(housekept_);
  events_.report(EventId::LogWriteFailed, {{"error", &error}, {"room", ByteSize{ring_.room()}}});
  if (!std::exchange(failing_, true)) {
    // What the limits let go frees space at once, not with the next rotation.
    if (disk_is_full) housekeeper_->notify(housekept_);
    failing_since_ = now;
    backoff_.reset();
  }
  retry_at_ = now + backoff_.failed();
}

}  // namespace slurper
