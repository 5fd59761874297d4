#include "sink/sink_health.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "sink/runner_options.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kReportAgain = 60s;  // another reason for the same failure
constexpr auto kLag = 60s;          // age of the oldest waiting record that is worth a warning
constexpr auto kCaughtUp = 5s;

// Returns at least half of `backoff`. The jitter keeps many clients from returning to a recovered
// destination all at once.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds backoff) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> spread(backoff.count() / 2, backoff.count());
  return std::chrono::milliseconds(spread(random));
}

}  // namespace

SinkHealth::SinkHealth(std::string name, const LogFeed& feed, const std::atomic<std::uint64_t>& acked,
                       std::chrono::milliseconds retry_max, EventListener& events)
    : name_(std::move(name)),
      feed_(feed),
      acked_(acked),
      retry_max_(retry_max),
      events_(events),
      backoff_(kFirstRetry, retry_max) {}

ByteSize SinkHealth::behind() const {
  const std::uint64_t end = feed_.end().value;
  return {end - std::min<std::uint64_t>(end, acked_)};
}

std::chrono::milliseconds SinkHealth::pause() const {
  return with_jitter(backoff_.wait());
}

void SinkHealth::failed(const Error& error) {
  const auto now = Clock::now();
  const bool is_news = set_failure(error);
  failing_ = true;
  ++retries_;
  const bool is_first = !std::exchange(is_reported_, true);
  if (is_first) failing_since_ = now;
  if (error.kind == ErrorKind::Loop) {
    stopped_ = true;
    return events_.report(EventId::SinkStops, {{"sink", Quoted{name_}}, {"error", &error}});
  }
  if (is_first) backoff_.reset();
  backoff_.failed();
  if (!is_first && (!is_news || now < report_again_))
    return events_.report(EventId::SinkStillFails, {{"sink", Quoted{name_}}, {"error", &error}});
  report_again_ = now + kReportAgain;
  events_.report(
      EventId::SinkFails,
      {{"sink", Quoted{name_}}, {"error", &error}, {"retry", std::string_view(format(retry_max_))}});
}

void SinkHealth::out_of_memory() {
  failing_ = true;
  events_.report(EventId::SinkHasNoMemory, {{"sink", Quoted{name_}}});
  backoff_.failed();
}

void SinkHealth::resumes() {
  stopped_ = false;
  events_.report(EventId::SinkResumes, {{"sink", Quoted{name_}}});
}

void SinkHealth::rests() {
  failing_ = stopped_ = lagging_ = false;
  is_reported_ = false;
  backoff_.reset();
  (void)set_failure({});
  events_.report(EventId::SinkRests, {{"sink", Quoted{name_}}});
}

// Returns whether the failure differs from the one before.
bool SinkHealth::set_failure(std::optional<Error> failure) {
  const std::lock_guard lock(failure_mutex_);
  if (failure) {
    last_failure_ = failure;
    failed_at_ = std::chrono::system_clock::now();
  }
  std::swap(failure_, failure);
  return failure_ != failure;
}

void SinkHealth::works() {
  if (!failing_) return;
  failing_ = false;
  if (!std::exchange(is_reported_, false)) failing_since_ = Clock::now();
  (void)set_failure({});
  events_.report(EventId::SinkWorks,
                 {{"sink", Quoted{name_}}, {"after", Clock::now() - failing_since_}, {"behind", behind()}});
}

void SinkHealth::watch_lag(Timestamp oldest) {
  const auto age = std::chrono::system_clock::now() - oldest;
  if (age > kLag && !lagging_) {
    lagging_ = true;
    events_.report(EventId::SinkLags, {{"sink", Quoted{name_}},
                                       {"behind", behind()},
                                       {"age", std::chrono::duration_cast<std::chrono::seconds>(age)}});
  } else if (age < kCaughtUp && lagging_) {
    lagging_ = false;
    events_.report(EventId::SinkCaughtUp, {{"sink", Quoted{name_}}});
  }
}

SinkHealth::Clock::time_point SinkHealth::lag_due(Timestamp oldest) const {
  if (lagging_) return Clock::time_point::max();
  const auto left = kLag - (std::chrono::system_clock::now() - oldest);
  return Clock::now() + std::max<Clock::duration>(left, 0s) + 1s;
}

void SinkHealth::fill(SinkStatus& status) const {
  status.retries = retries_;
  status.failing = failing_;
  status.stopped = stopped_;
  status.lagging = lagging_;
  const std::lock_guard lock(failure_mutex_);
  status.failure = failure_;
  status.last_failure = last_failure_;
  status.failed_at = failed_at_;
}

}  // namespace slurper
