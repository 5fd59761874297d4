#include "sink/net/waiting.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace slurper {

Woken wait_for(int fd, short events, Deadline deadline, int stop_fd) {
  using namespace std::chrono_literals;
  std::array<pollfd, 2> fds = {pollfd{.fd = fd, .events = events, .revents = 0},
                               pollfd{.fd = stop_fd, .events = POLLIN, .revents = 0}};
  for (;;) {
    // Waits at most an hour at a time, so that a distant deadline can't overflow.
    const auto left = std::clamp<std::chrono::nanoseconds>(
        deadline - std::min(deadline, std::chrono::steady_clock::now()), 0ns, 1h);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    if (::ppoll(fds.data(), fds.size(), &timeout, nullptr) > 0) {
      if (fds[0].revents != 0) return Woken::Ready;
      return Woken::Stopped;
    }
    if (std::chrono::steady_clock::now() >= deadline) return Woken::TimedOut;
  }
}

}  // namespace slurper
