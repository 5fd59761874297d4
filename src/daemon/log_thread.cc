#include "daemon/log_thread.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

// Findings to say in each period.
constexpr auto kFindingsPeriod = 60s;
constexpr int kMaxFindings = 5;

// Says what the housekeeper did; called on its thread.
class Housekeeping : public HousekeeperListener {
 public:
  Housekeeping(TimeIndex& times, Troubles& troubles) : times_(times), troubles_(troubles) {}

 private:
  void on_compressed(const Segment& raw, const Segment& compressed) override {
    spdlog::debug("compressed the segment '{}' from {} to {}", printable(raw.path),
                  format_rounded(ByteSize{raw.stored}), format_rounded(ByteSize{compressed.stored}));
  }
  void on_removed(const Segment& segment) override {
    spdlog::info("removed the segment '{}', as log.keep_files and log.keep_size say",
                 printable(segment.path));
    times_.forget_before(segment.base);
  }
  void on_removed_for_room(const Segment& segment) override {
    spdlog::warn("removed the segment '{}' before its time: the disk is full, and log.when_disk_full says so",
                 printable(segment.path));
    times_.forget_before(segment.base);
  }
  void on_leftover_removed(const std::string& path) override {
    spdlog::info("removed '{}', left by a compression that was cut short", printable(path));
  }
  void on_housekeeping_failed(const Error& error) override {
    spdlog::warn("{}. The segment stays as it is", error.message());
    troubles_.set(Trouble::SegmentsNotKept, error.why);
  }
  void on_all_kept() override { troubles_.clear(Trouble::SegmentsNotKept); }

  TimeIndex& times_;
  Troubles& troubles_;
};

}  // namespace

LogThread::LogThread(Ring& ring, LogWriter& writer, TimeIndex& times, const LogSettings& settings,
                     Troubles& troubles, std::function<void()> made_room)
    : ring_(ring),
      writer_(writer),
      times_(times),
      troubles_(troubles),
      made_room_(std::move(made_room)),
      housekeeper_listener_(std::make_unique<Housekeeping>(times, troubles)),
      housekeeping_(housekeeping(settings)),
      sync_(settings.sync),
      when_disk_full_(settings.when_disk_full) {
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

Housekeeper::Options LogThread::housekeeping(const LogSettings& settings) {
  return {
      .compress = settings.compress,
      .limits = {.keep_files = settings.keep_files, .keep_size = settings.keep_size},
  };
}

void LogThread::rotate() {
  {
    const std::lock_guard lock(mutex_);
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
  if (const Status closed = writer_.close(); !closed) spdlog::error("{}", closed.error().message());
  say_findings();
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
  }
  if (reload) {
    sync_ = reload->sync;
    when_disk_full_ = reload->when_disk_full;
    housekeeper_->set_options(housekeeping(*reload));
    housekeeper_->notify(writer_.indexed_base());
    writer_.set_limits(*reload);
    const Result<bool> reopened = writer_.reopen();
    if (!reopened) spdlog::error("{}. It is tried again with the next line", reopened.error().message());
  }
  if (rotate) {
    if (const Status rotated = writer_.rotate(); !rotated) rotation_failed(rotated.error());
  }
  publish();
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
    spdlog::info("the log is being written again, after {:.1f} s; {} wait in the ring",
                 std::chrono::duration<double>(Clock::now() - failing_since_).count(),
                 format_rounded(ByteSize{ring_.used()}));
    failing_ = false;
    place_is_taken_ = false;
    retry_at_ = {};
    troubles_.clear(Trouble::LogNotWritten);
  }
  lines_.store(lines_.load(std::memory_order_relaxed) +
                   count_lines(std::string_view(ring_.bytes(from, from + *written))),
               std::memory_order_relaxed);
  ring_.release(from + *written);
  if (sync_.mode == SyncMode::Always) {
    sync();
  } else if (sync_.mode == SyncMode::Periodic && !sync_due_) {
    sync_due_ = Clock::now() + sync_.period;
  }
  publish();
  if (room_wanted_.load() && room_wanted_.exchange(false)) made_room_();
  return true;
}

void LogThread::sync_if_due() {
  if (!sync_due_ || Clock::now() < *sync_due_) return;
  sync_due_.reset();
  sync();
  publish();
}

void LogThread::sync() {
  const Status synced = writer_.sync();
  if (!synced) {
    troubles_.set(Trouble::LogNotSynced, synced.error().why);
    if (!std::exchange(sync_failing_, true)) {
      spdlog::error(
          "{}. What was written since the last sync may not survive a loss of power, even where a later sync "
          "succeeds: what the kernel could not write it reports once, and forgets. It is tried again every "
          "second",
          synced.error().message());
    }
    sync_due_ = Clock::now() + kLastRetry;
  } else if (std::exchange(sync_failing_, false)) {
    spdlog::info("the log is being synced again");
    troubles_.clear(Trouble::LogNotSynced);
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
  writer_.publish();  // before the housekeeper is told of a rotated segment
  if (const std::uint64_t renewals = writer_.feed().renewals(); renewals != renewals_) {
    renewals_ = renewals;
    times_.follow_path();
  }
  synced_ = writer_.synced().value;
  if (rotations_.exchange(writer_.rotations()) != writer_.rotations()) {
    rotation_failing_ = false;
    troubles_.clear(Trouble::LogNotRotated);
  }
  // Not before the index says so: after a crash it is the rotated segment that tells where the active one
  // begins.
  if (const StreamOffset base = writer_.indexed_base(); housekeeper_ && base != housekept_) {
    housekept_ = base;
    housekeeper_->notify(base);
  }
  say_findings();
}

// What others have done to the log. Whoever does it all the time is not reported all the time: these messages
// may well come back through the FIFO.
void LogThread::say_findings() {
  for (const std::string& finding : writer_.take_findings()) say_finding(finding);
  for (const std::string& finding : times_.take_findings()) say_finding(finding);
}

void LogThread::say_finding(const std::string& finding) {
  const auto now = Clock::now();
  if (now >= quiet_until_) {
    if (unsaid_ > 0) spdlog::warn("{} more messages of this kind were left out", std::exchange(unsaid_, 0));
    said_ = 0;
    quiet_until_ = now + kFindingsPeriod;
  }
  if (said_ == kMaxFindings) {
    ++unsaid_;
    return;
  }
  ++said_;
  spdlog::warn("the log '{}': {}", printable(writer_.paths().active()), finding);
}

// Says it once; it is tried again with the next lines.
void LogThread::rotation_failed(const Error& error) {
  if (!std::exchange(rotation_failing_, true)) spdlog::warn("{}", error.message());
  troubles_.set(Trouble::LogNotRotated, error.why);
}

// Says it once, and tries again with growing pauses.
void LogThread::failed(const Error& error) {
  const auto now = Clock::now();
  say_findings();
  const bool disk_is_full = error.errnum == ENOSPC || error.errnum == EDQUOT;
  place_is_taken_ = error.kind == ErrorKind::Data || error.kind == ErrorKind::Busy;
  if (disk_is_full && when_disk_full_ == WhenDiskFull::RemoveOldest) housekeeper_->make_room(housekept_);
  troubles_.set(Trouble::LogNotWritten, error.why);
  if (!std::exchange(failing_, true)) {
    // What the limits let go frees space at once, not with the next rotation.
    if (disk_is_full) housekeeper_->notify(housekept_);
    failing_since_ = now;
    backoff_ = kFirstRetry;
    spdlog::error(
        "{}. What comes is kept in the ring (room for {}), and writing is tried again until it succeeds",
        error.message(), format_rounded(ByteSize{ring_.room()}));
  } else {
    backoff_ = std::min(backoff_ * 2, std::chrono::milliseconds(kLastRetry));
  }
  retry_at_ = now + backoff_;
}

}  // namespace slurper
