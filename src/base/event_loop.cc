#include "base/event_loop.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/contract.h"
#include "base/error.h"

namespace slurper {

namespace {

timespec to_timespec(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

Result<UniqueFd> made(int fd) {
  if (fd < 0) return fail_errno(errno, PhraseId::SetUpEventLoop);
  return UniqueFd(fd);
}

}  // namespace

Result<UniqueFd> make_eventfd() {
  return made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

Result<UniqueFd> make_signalfd(const sigset_t& signals) {
  return made(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<UniqueFd> make_timerfd(std::chrono::nanoseconds period) {
  Result<UniqueFd> timer = made(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return timer;
  const itimerspec every{.it_interval = to_timespec(period), .it_value = to_timespec(period)};
  if (::timerfd_settime(timer->get(), 0, &every, nullptr) != 0)
    return fail_errno(errno, PhraseId::SetUpEventLoop);
  return timer;
}

Result<EventLoop> EventLoop::create() {
  Result<UniqueFd> epoll_fd = made(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd) return std::unexpected(epoll_fd.error());
  return EventLoop(std::move(*epoll_fd));
}

std::vector<EventLoop::Entry>::iterator EventLoop::find(int fd) {
  return std::ranges::find(entries_, fd, &Entry::fd);
}

void EventLoop::add(int fd, Handler handler) {
  SLURPER_ASSERT(find(fd) == entries_.end());
  entries_.push_back({.fd = fd, .events = 0, .handler = std::make_shared<Handler>(std::move(handler))});
}

Status EventLoop::listen(int fd, std::uint32_t events) {
  const auto entry = find(fd);
  SLURPER_ASSERT(entry != entries_.end());
  if (entry->events == events) return {};
  epoll_event event{.events = events, .data = {.fd = fd}};
  const int operation = entry->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_fd_.get(), operation, fd, &event) != 0)
    return fail_errno(errno, PhraseId::SetUpEventLoop);
  entry->events = events;
  return {};
}

void EventLoop::remove(int fd) {
  const auto entry = find(fd);
  if (entry == entries_.end()) return;
  (void)listen(fd, 0);  // close(2) would do the same
  entries_.erase(entry);
}

// The handler may remove its own entry, or add others.
void EventLoop::dispatch(const epoll_event& event) {
  const auto entry = find(event.data.fd);
  if (entry == entries_.end()) return;  // the handler of another event of this round removed it
  const std::shared_ptr<Handler> handler = entry->handler;
  (*handler)(event.events);
}

int EventLoop::wait(std::optional<std::chrono::nanoseconds> limit) {
  std::array<epoll_event, 8> events{};
  const timespec timeout = to_timespec(limit.value_or(std::chrono::nanoseconds(0)));
  const int count = ::epoll_pwait2(epoll_fd_.get(), events.data(), static_cast<int>(events.size()),
                                   limit ? &timeout : nullptr, nullptr);
  for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
  return std::max(count, 0);
}

}  // namespace slurper
