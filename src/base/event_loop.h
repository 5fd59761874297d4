// EventLoop: epoll(7), with a handler for each descriptor.
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

// Create the descriptors that a loop waits for, all with O_CLOEXEC and O_NONBLOCK. Errors: from the system
// call.
[[nodiscard]] Result<UniqueFd> make_eventfd();
[[nodiscard]] Result<UniqueFd> make_signalfd(const sigset_t& signals);
// Fires every `period`, the first time after one period. CLOCK_MONOTONIC.
[[nodiscard]] Result<UniqueFd> make_timerfd(std::chrono::nanoseconds period);

// Waits for descriptors and calls the handler of each ready one, on the thread that calls wait(). Belongs to
// that thread. If a signal, a debugger or the machine's sleep cuts a wait short, it is an ordinary wait
// without events.
class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  // of epoll_ctl(2): EPOLLIN, EPOLLPRI, ...

  [[nodiscard]] static Result<EventLoop> create();

  // Sets `handler` for `fd`, which stays open until remove(). Waits for nothing until listen().
  void add(int fd, Handler handler);
  // Sets what to wait for at `fd`, which was added before; 0: nothing. Allocates nothing. While a descriptor
  // is out of the epoll set, its writers pay for no callback. Errors: from epoll_ctl(2); then it waits for
  // the same as before.
  [[nodiscard]] Status listen(int fd, std::uint32_t events);
  // Call this before `fd` is closed. A handler may remove itself and others.
  void remove(int fd);

  // Returns after it has called the handlers of all ready descriptors, or when `limit` is over; without a
  // limit, it waits for ever. Returns how many descriptors were ready.
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
  std::vector<Entry> entries_;  // few entries: a search costs less than a map
};

}  // namespace slurper
