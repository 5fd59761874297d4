#include "daemon/service_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <new>

#include "base/text.h"
#include "service/sd_notify.h"

namespace slurper {

using namespace std::chrono_literals;

ServiceReport::ServiceReport(const Ring& ring, const LogThread& log_thread, Troubles& troubles)
    : ring_(ring),
      log_thread_(log_thread),
      troubles_(troubles),
      judge_([&log_thread] { return thread_state(log_thread.tid()); }) {
  const auto period = watchdog_period();
  if (!period) return;
  // Three times in each period: a thread must be found hanging twice before systemd acts.
  const auto tick = std::chrono::duration_cast<std::chrono::nanoseconds>(*period) / 3;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(tick);
  const timespec interval{.tv_sec = seconds.count(), .tv_nsec = (tick - seconds).count()};
  const itimerspec timer{.it_interval = interval, .it_value = interval};
  timer_fd_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  (void)::timerfd_settime(timer_fd_.get(), 0, &timer,
                          nullptr);  // a period that it does not take is no period
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
    // It is told later. That slurper lives, needs no memory.
  }
  if (due_ && lives) notify_systemd("WATCHDOG=1");
  due_ = false;
}

void ServiceReport::renew_status(Clock::time_point now) {
  measure(now);
  changes_ = troubles_.changes();
  const std::string wrong = troubles_.text();
  const std::string status = fmt::format(
      "{} lines/s, {} wait in the ring of {}, {}", lines_per_second_, format_rounded(ByteSize{ring_.used()}),
      format_rounded(ByteSize{ring_.size()}), wrong.empty() ? "all well" : wrong);
  const bool is_news = status != status_;
  status_ = status;
  if (is_news) notify_systemd("STATUS=" + status);
}

// Says each change once.
bool ServiceReport::log_thread_lives(Clock::time_point now) {
  const LogThread::Progress progress = log_thread_.progress();
  const StallDetector::Verdict verdict = judge_.judge(progress.steps, progress.has_work, now);
  const bool disk_stalls = verdict == StallDetector::Verdict::WaitsForTheDisk;
  const bool hangs = verdict == StallDetector::Verdict::Hangs;
  if (disk_stalls && !disk_stalls_) {
    spdlog::warn("the log's disk has not answered for {} s. What comes is kept in the ring (room for {})",
                 (now - judge_.stuck_since()) / 1s, format_rounded(ByteSize{ring_.room()}));
  } else if (disk_stalls_ && verdict == StallDetector::Verdict::Lives) {
    spdlog::info("the log's disk answers again");
  }
  if (hangs && !hangs_) {
    spdlog::critical(
        "the log's thread has hung for {} s, and not for the disk: a bug. The watchdog is not fed any more, "
        "and systemd starts slurper again, which goes on where this one stands",
        (now - judge_.stuck_since()) / 1s);
  }
  disk_stalls_ = disk_stalls;
  hangs_ = hangs;
  const auto show = [&](Trouble trouble, bool holds) {
    holds ? troubles_.set(trouble, fmt::format("for {} s", (now - judge_.stuck_since()) / 1s))
          : troubles_.clear(trouble);
  };
  show(Trouble::DiskStalls, disk_stalls);
  show(Trouble::LogThreadHangs, hangs);
  return !hangs;
}

void ServiceReport::measure(Clock::time_point now) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - measured_at_);
  if (elapsed < 300ms) return;  // two reports in a row: the rate stays what it was
  const std::uint64_t lines = log_thread_.lines();
  lines_per_second_ = (lines - lines_) * 1000 / static_cast<std::uint64_t>(elapsed.count());
  lines_ = lines;
  measured_at_ = now;
}

}  // namespace slurper
