#include "service/service_report.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "base/text.h"
#include "control/status_text.h"
#include "service/sd_notify.h"

namespace slurper {

using namespace std::chrono_literals;

ServiceReport::ServiceReport(const LogThread& log_thread, const Alerts& alerts, EventListener& events,
                             std::function<Snapshot()> snapshot)
    : log_thread_(log_thread),
      alerts_(alerts),
      events_(events),
      snapshot_(std::move(snapshot)),
      detector_([&log_thread] { return thread_state(log_thread.tid()); }) {}

Status ServiceReport::join(EventLoop& loop) {
  const auto period = watchdog_period();
  if (!period) return {};
  // Three times in each period: systemd acts only after a thread was found hanging twice.
  Result<UniqueFd> timer = make_timerfd(*period / 3);
  if (!timer) return std::unexpected(timer.error());
  timer_fd_ = std::move(*timer);
  loop.add(timer_fd_.get(), [this](std::uint32_t) { take(); });
  return loop.listen(timer_fd_.get(), EPOLLIN);
}

void ServiceReport::take() {
  std::uint64_t expirations = 0;
  due_ = ::read(timer_fd_.get(), &expirations, sizeof expirations) > 0 || due_;
}

void ServiceReport::report() {
  const auto now = Clock::now();
  const bool lives = log_thread_lives(now);
  try {
    renew_status(now);
  } catch (const std::bad_alloc&) {
    // The status is shown later. Reporting that slurper is alive needs no memory.
  }
  if (due_ && lives) notify_systemd("WATCHDOG=1");
  due_ = false;
}

void ServiceReport::renew_status(Clock::time_point now) {
  changes_ = alerts_.changes();
  const Snapshot snapshot = snapshot_();
  measure(now, snapshot.log);
  std::string status = to_status_line(snapshot, lines_per_second_);
  if (std::exchange(status_, status) != status) notify_systemd("STATUS=" + status);
}

bool ServiceReport::log_thread_lives(Clock::time_point now) {
  const LogThread::Progress progress = log_thread_.progress();
  const StallDetector::Verdict verdict = detector_.judge(progress.steps, progress.has_work, now);
  const auto stuck = std::chrono::duration_cast<std::chrono::seconds>(now - detector_.stuck_since());
  if (verdict == StallDetector::Verdict::WaitsForTheDisk) {
    events_.report(EventId::DiskStalls, {{"seconds", stuck}, {"room", ByteSize{progress.ring_room}}});
  } else {
    events_.report(EventId::DiskAnswers);
  }
  if (verdict == StallDetector::Verdict::Hangs) {
    events_.report(EventId::LogThreadHangs, {{"seconds", stuck}});
  } else {
    events_.report(EventId::LogThreadRuns);
  }
  return verdict != StallDetector::Verdict::Hangs;
}

void ServiceReport::measure(Clock::time_point now, const LogStatus& log) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - measured_at_);
  if (elapsed < 300ms) return;  // two reports in a row: the rate stays as it was
  lines_per_second_ = (log.lines - lines_) * 1000 / static_cast<std::uint64_t>(elapsed.count());
  lines_ = log.lines;
  measured_at_ = now;
}

}  // namespace slurper
