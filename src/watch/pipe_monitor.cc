#include "watch/pipe_monitor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "base/event_loop.h"
#include "base/start_thread.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstLook = 1s;  // after the start, which has enough to do
// An open's event comes before its descriptor is visible.
constexpr std::array<std::chrono::milliseconds, 3> kLookAgain = {20ms, 200ms, 1000ms};
constexpr int kSearches = 3;    // of /proc in one look, if processes close the FIFO all the time
constexpr int kShortRest = 10;  // times the duration of a look, before it is repeated
constexpr int kRest = 100;      // times the duration of a look, before the next one
constexpr auto kShortestRest = 100ms;
constexpr auto kLongestRest = 3s;
constexpr auto kArmAgain = 1s;
constexpr auto kProbe = 500ms;  // while a look is due: check whether another reader has read meanwhile
constexpr std::size_t kLeftBehind = 4;
constexpr int kRestMs = 1000;  // after an exception

}  // namespace

PipeMonitor::Watched::Watched(const Fifo& fifo)
    : fd(::open(fmt::format("/proc/self/fd/{}", fifo.read_fd.get()).c_str(), O_PATH | O_CLOEXEC)),
      inode{fifo.device, fifo.inode},
      hides_reads(fifo.hides_reads) {
  struct statvfs file_system{};
  shows_reads =
      hides_reads && ::fstatvfs(fd.get(), &file_system) == 0 && (file_system.f_flag & ST_NOATIME) == 0;
}

Result<std::unique_ptr<PipeMonitor>> PipeMonitor::start(std::string path, const Fifo& fifo,
                                                        EventListener& events) {
  Result<UniqueFd> wake_fd = make_eventfd();
  if (!wake_fd) return std::unexpected(wake_fd.error());
  try {
    return std::unique_ptr<PipeMonitor>(new PipeMonitor(std::move(path), fifo, events, std::move(*wake_fd)));
  } catch (const std::system_error& error) {
    return no_thread("watch", error);
  }
}

PipeMonitor::PipeMonitor(std::string path, const Fifo& fifo, EventListener& events, UniqueFd wake_fd)
    : path_(std::move(path)),
      events_(events),
      wake_fd_(std::move(wake_fd)),
      followed_{fifo.device, fifo.inode} {
  this->watch(Watched(fifo));
  look_at_ = Clock::now() + kFirstLook;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    (void)::pthread_setname_np(::pthread_self(), "watch");
    while (!stop.stop_requested()) {
      try {
        run(stop);
      } catch (...) {
        // Memory has run out: the thread looks again at what happened meanwhile.
        pollfd waker{.fd = wake_fd_.get(), .events = POLLIN, .revents = 0};
        (void)::poll(&waker, 1, kRestMs);
        look_at_ = Clock::now();
      }
    }
  });
}

PipeMonitor::~PipeMonitor() {
  thread_.request_stop();
  wake();
}

void PipeMonitor::wake() {
  (void)::eventfd_write(wake_fd_.get(), 1);  // fails only if 2^64 - 1 wake-ups are already waiting
}

void PipeMonitor::follow(const Fifo& fifo) {
  {
    const std::lock_guard lock(mutex_);
    // If FIFOs are replaced faster than they are looked at, the latest ones suffice.
    if (left_behind_.size() == kLeftBehind) left_behind_.erase(left_behind_.begin());
    left_behind_.push_back(followed_);
    followed_ = {fifo.device, fifo.inode};
    next_.emplace(fifo);
  }
  wake();
}

WatchStatus PipeMonitor::status() const {
  const std::lock_guard lock(mutex_);
  WatchStatus status = seen_;
  status.second_readers = second_readers_.load();
  return status;
}

void PipeMonitor::on_short_read() {
  if (!short_read_.exchange(true)) wake();
}

void PipeMonitor::forget_second_readers() {
  forget_ = true;
  wake();
}

void PipeMonitor::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    wait();
    note_reads();
    serve_requests();
    if (look_at_ && Clock::now() >= *look_at_ && !stop.stop_requested()) look(stop);
  }
}

// While a look is due, the thread needs no events: they queue up, and one look serves a thousand of them.
void PipeMonitor::wait() {
  std::array<pollfd, 2> fds{
      pollfd{.fd = wake_fd_.get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = look_at_ || !watch_ ? -1 : watch_->fd(), .events = POLLIN, .revents = 0}};
  int timeout = -1;
  const auto no_longer_than_until = [&](Clock::time_point at, std::chrono::milliseconds longest) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - Clock::now());
    const auto wanted = static_cast<int>(std::clamp<std::chrono::milliseconds>(left, 0ms, longest).count());
    timeout = timeout < 0 ? wanted : std::min(timeout, wanted);
  };
  if (look_at_) no_longer_than_until(*look_at_, kProbe);
  if (arm_at_) no_longer_than_until(*arm_at_, kArmAgain);
  if (::poll(fds.data(), fds.size(), timeout) <= 0) return;
  if (fds[0].revents != 0) {
    eventfd_t wakes = 0;
    (void)::eventfd_read(wake_fd_.get(), &wakes);
  }
  if (fds[1].revents != 0) look_at_ = std::max(Clock::now(), not_before_);
}

Status PipeMonitor::try_to_watch() {
  if (!watch_) {
    Result<FifoInotify> watch = FifoInotify::open();
    if (!watch) return std::unexpected(watch.error());
    watch_ = std::make_unique<FifoInotify>(std::move(*watch));
  }
  return watch_->watch_users(watched_->fd.get());
}

void PipeMonitor::arm() {
  const Status armed = try_to_watch();
  if (armed) {
    events_.report(EventId::UsersSeenAgain, {{"fifo", Quoted{path_}}});
    if (std::exchange(arm_at_, std::nullopt) && !look_at_)
      look_at_ = std::max(Clock::now(), not_before_);  // for processes that came meanwhile
    return;
  }
  events_.report(EventId::UsersNotSeen, {{"error", &armed.error()}});
  arm_at_ = Clock::now() + kArmAgain;
}

void PipeMonitor::watch(Watched fifo) {
  watched_.emplace(std::move(fifo));
  arm();
  (void)was_read();
  has_new_access_ = false;
  looks_again_ = 0;
  if (users_) {
    earlier_readers_ += users_->second_readers();
    earlier_connects_ += users_->writer_connects();
    earlier_last_writers_ += users_->last_writers_left();
  }
  users_ = std::make_unique<PipeUsers>(path_, ::getppid(), events_);
}

void PipeMonitor::serve_requests() {
  std::optional<Watched> next;
  {
    const std::lock_guard lock(mutex_);
    next.swap(next_);
  }
  const bool follows = next.has_value();
  if (follows) {
    watch(*std::move(next));
  } else if (arm_at_ && Clock::now() >= *arm_at_) {
    arm();
  }
  if (forget_.exchange(false)) users_->forget_second_readers();
  if (follows && !look_at_) look_at_ = std::max(Clock::now(), not_before_);
  // Does not wait for the long rest after a look, unless it has just investigated a short read.
  if (short_read_) {
    const auto soon = std::max(Clock::now(), short_read_not_before_);
    look_at_ = look_at_ ? std::min(*look_at_, soon) : soon;
  }
}

// Whether another reader has read since the last call: slurper's own reads leave no trace. If a process set
// both times, it did not read: touch(1).
bool PipeMonitor::was_read() {
  const auto same = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  struct stat st{};
  if (!watched_->hides_reads || ::fstat(watched_->fd.get(), &st) != 0) return false;
  const timespec before = std::exchange(last_read_, st.st_atim);
  if (same(before, st.st_atim)) return false;
  has_new_access_ = true;
  return !same(st.st_atim, st.st_mtim);
}

void PipeMonitor::note_reads() {
  if (was_read()) short_read_ = true;
}

void PipeMonitor::report_left_behind(const std::stop_token& stop) {
  std::vector<Inode> left_behind;
  {
    const std::lock_guard lock(mutex_);
    left_behind.swap(left_behind_);
  }
  std::string writers;
  for (const Inode& inode : left_behind) {
    for (const OpenDescriptor& holder : find_open_descriptors(inode.device, inode.number, stop).open) {
      if (holder.access != Access::Write && holder.access != Access::ReadWrite) continue;
      if (!writers.empty()) writers += ", ";
      writers += describe_process(holder.process, holder.command);
    }
  }
  if (!writers.empty())
    events_.report(EventId::OldFifoHasWriters, {{"fifo", Quoted{path_}}, {"processes", writers}});
}

void PipeMonitor::look(const std::stop_token& stop) {
  const auto begin = Clock::now();
  report_left_behind(stop);
  PipeUsers::Observation observation;
  observation.short_read = short_read_.exchange(false);  // read before the look: a process that has read has
                                                         // the FIFO open by now
  // A process that has closed the FIFO may have been found before it did: its event must not be taken without
  // the knowledge that it has left, for there is no other.
  bool closed = true;
  for (int searches = 0; closed && searches < kSearches; ++searches) {
    observation.holders = find_open_descriptors(watched_->inode.device, watched_->inode.number, stop);
    if (stop.stop_requested()) return;
    const FifoEvents events = watch_ ? watch_->read() : FifoEvents();
    observation.events += events;
    closed = events.read_closes + events.write_closes > 0;
  }
  // A read at the moment of a write has the write's time. It is no proof of a read, but no proof of none
  // either.
  note_reads();
  const bool has_new_access = std::exchange(has_new_access_, false);
  observation.nothing_was_read =
      watched_->shows_reads && !has_new_access && !observation.short_read && !short_read_;
  observation.settled = looks_again_ == static_cast<int>(kLookAgain.size());
  users_->observe(observation);
  second_readers_ = earlier_readers_ + users_->second_readers();
  WatchStatus seen{.writers = users_->writers(),
                   .readers = users_->readers(),
                   .sees_all = observation.holders.complete(),
                   .writer_connects = earlier_connects_ + users_->writer_connects(),
                   .last_writers_left = earlier_last_writers_ + users_->last_writers_left()};
  {
    const std::lock_guard lock(mutex_);
    seen_ = std::move(seen);
  }

  const auto now = Clock::now();
  not_before_ = now + std::clamp<Clock::duration>(kRest * (now - begin), kShortestRest, kLongestRest);
  if (observation.short_read) short_read_not_before_ = not_before_;
  if (!observation.settled && (closed || users_->expects_more())) {
    look_at_ = now + std::max<Clock::duration>(kLookAgain[static_cast<std::size_t>(looks_again_++)],
                                               kShortRest * (now - begin));
  } else {
    look_at_.reset();
    looks_again_ = 0;
  }
}

}  // namespace slurper
