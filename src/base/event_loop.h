// EventLoop: epoll(7), a handler for each descriptor.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// Descriptors of the kinds that a loop waits for, all of them O_CLOEXEC and O_NONBLOCK. Each fails as its
// system call does.
[[nodiscard]] Result<UniqueFd> make_eventfd();
[[nodiscard]] Result<UniqueFd> make_signalfd(const sigset_t& signals);
// Fires every `period`, from one period on. CLOCK_MONOTONIC.
[[nodiscard]] Result<UniqueFd> make_timerfd(std::chrono::nanoseconds period);

// Waits for descriptors and calls the handler of each that is ready, on the thread that calls wait(). Belongs
// to that thread. A wait that a signal, a debugger or a machine's sleep has cut short is an ordinary one
// without events.
class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  // of epoll_ctl(2): EPOLLIN, EPOLLPRI, ...

  [[nodiscard]] static Result<EventLoop> create();

  // Has `handler` called for `fd`, which stays open until remove(). `events`: what to wait for, from now on;
  // 0: nothing, before listen(). Fails as epoll_ctl(2).
  [[nodiscard]] Status add(int fd, std::uint32_t events, Handler handler);
  // Goes on or leaves off waiting for `fd`, which has been added. Allocates nothing: a descriptor that is out
  // of the epoll set costs those who write to it no callback. Fails as epoll_ctl(2).
  [[nodiscard]] Status listen(int fd, std::uint32_t events);
  // To be called before `fd` is closed. A handler may remove itself and others.
  void remove(int fd);

  // Returns after the handlers of what is ready, or when `limit` is over; without one it waits for good. How
  // many descriptors were ready.
  int wait(std::optional<std::chrono::nanoseconds> limit);

 private:
  struct Entry {
    int fd;
    std::uint32_t events;
    std::shared_ptr<Handler> handler;
  };

  explicit EventLoop(UniqueFd epoll_fd) : epoll_fd_(std::move(epoll_fd)) {}
  std::vector<Entry>::iterator find(int fd);
  void dispatch(const epoll_event& event);

  UniqueFd epoll_fd_;
  std::vector<Entry> entries_;  // few: a search through them costs less than a map
};

}  // namespace slurper
