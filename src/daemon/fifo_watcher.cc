#include "daemon/fifo_watcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstLook = 1s;  // after the start, which has enough to do
// The event of an open comes before the descriptor is there to be seen.
constexpr std::array<std::chrono::milliseconds, 3> kLookAgain = {20ms, 200ms, 1000ms};
constexpr int kShortRest = 10;  // times what a look took, before it is repeated
constexpr int kRest = 100;      // and before the next one
constexpr auto kShortestRest = 100ms;
constexpr auto kLongestRest = 10s;
constexpr std::size_t kLeftBehind = 4;

}  // namespace

FifoWatcher::FifoWatcher(std::string path, const Fifo& fifo)
    : path_(std::move(path)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      followed_{fifo.device, fifo.inode} {
  Result<FifoWatch> watch = FifoWatch::open();
  if (!watch) {
    spdlog::warn("{}. Who comes and goes will go unnoticed, ignoring", watch.error().message());
    return;
  }
  watch_ = std::make_unique<FifoWatch>(std::move(*watch));
  this->watch(fifo.read_fd.get(), followed_);
  look_at_ = Clock::now() + kFirstLook;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    (void)::pthread_setname_np(::pthread_self(), "watch");
    run(stop);
  });
}

FifoWatcher::~FifoWatcher() {
  thread_.request_stop();
  wake();
}

void FifoWatcher::wake() {
  (void)::eventfd_write(wake_fd_.get(), 1);  // fails only where 2^64 - 1 wake-ups wait already
}

void FifoWatcher::follow(const Fifo& fifo) {
  {
    const std::lock_guard lock(mutex_);
    // Where they are replaced faster than looked at, the latest will do.
    if (left_behind_.size() == kLeftBehind) left_behind_.erase(left_behind_.begin());
    left_behind_.push_back(followed_);
    followed_ = {fifo.device, fifo.inode};
    next_fd_.reset(::fcntl(fifo.read_fd.get(), F_DUPFD_CLOEXEC, 0));
    next_inode_ = followed_;
  }
  wake();
}

void FifoWatcher::robbed() {
  if (!robbed_.exchange(true)) wake();
}

void FifoWatcher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    wait();
    serve_requests();
    if (look_at_ && Clock::now() >= *look_at_ && !stop.stop_requested()) look(stop);
  }
}

// While a look is due there is no need for events: they wait for it, and a thousand of them cost one look.
void FifoWatcher::wait() {
  std::array<pollfd, 2> fds{pollfd{.fd = wake_fd_.get(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = look_at_ ? -1 : watch_->fd(), .events = POLLIN, .revents = 0}};
  int timeout = -1;
  if (look_at_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*look_at_ - Clock::now());
    timeout = static_cast<int>(std::max(left, 0ms).count());
  }
  if (::poll(fds.data(), fds.size(), timeout) <= 0) return;
  if (fds[0].revents != 0) {
    eventfd_t wakes = 0;
    (void)::eventfd_read(wake_fd_.get(), &wakes);
  }
  if (fds[1].revents != 0) look_at_ = std::max(Clock::now(), not_before_);
}

void FifoWatcher::watch(int fifo_fd, Inode inode) {
  if (const Status watched = watch_->watch_visitors(fifo_fd); !watched)
    spdlog::warn("{}. Who comes and goes will go unnoticed, ignoring", watched.error().message());
  inode_ = inode;
  looks_again_ = 0;
  if (visitors_) earlier_readers_ += visitors_->second_readers();
  visitors_ = std::make_unique<Visitors>(path_, ::getppid());
}

void FifoWatcher::serve_requests() {
  UniqueFd next_fd;
  Inode next_inode;
  {
    const std::lock_guard lock(mutex_);
    next_fd = std::move(next_fd_);
    next_inode = next_inode_;
  }
  if (next_fd) watch(next_fd.get(), next_inode);
  if ((next_fd || robbed_) && !look_at_) look_at_ = std::max(Clock::now(), not_before_);
}

void FifoWatcher::tell_left_behind(const std::stop_token& stop) {
  std::vector<Inode> left_behind;
  {
    const std::lock_guard lock(mutex_);
    left_behind.swap(left_behind_);
  }
  std::string writers;
  for (const Inode& inode : left_behind) {
    for (const Holder& holder : find_holders(inode.device, inode.number, stop).open) {
      if (holder.access != Access::Write && holder.access != Access::ReadWrite) continue;
      if (!writers.empty()) writers += ", ";
      writers += describe_process(holder.process, holder.command);
    }
  }
  if (!writers.empty())
    spdlog::info("the FIFO that was at '{}' before is still open for writing by {}", printable(path_),
                 writers);
}

void FifoWatcher::look(const std::stop_token& stop) {
  const auto begin = Clock::now();
  tell_left_behind(stop);
  Visitors::Observation observation;
  observation.holders = find_holders(inode_.device, inode_.number, stop);
  if (stop.stop_requested()) return;
  observation.events = watch_->read();
  observation.settled = looks_again_ == static_cast<int>(kLookAgain.size());
  observation.robbed = robbed_;
  for (const Statement& statement : visitors_->observe(observation, begin))
    spdlog::log(statement.warning ? spdlog::level::warn : spdlog::level::info, statement.text);
  second_readers_ = earlier_readers_ + visitors_->second_readers();

  const auto now = Clock::now();
  not_before_ = now + std::clamp<Clock::duration>(kRest * (now - begin), kShortestRest, kLongestRest);
  if (!observation.settled && (visitors_->expects_more() || robbed_)) {
    look_at_ = now + std::max<Clock::duration>(kLookAgain[static_cast<std::size_t>(looks_again_++)],
                                               kShortRest * (now - begin));
  } else {
    look_at_.reset();
    looks_again_ = 0;
    robbed_ = false;
  }
}

}  // namespace slurper
