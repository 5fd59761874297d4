#include "bench/receiver.h"

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"

namespace slurper::bench {

struct Receiver::Shared {
  std::atomic<std::uint64_t> lines{0};
  std::atomic<std::int64_t> last{0};
};

// One connection after the other, for ever.
void Receiver::serve(int listening_fd, Habit habit, Shared& shared) {
  std::vector<char> buffer(256 << 10);
  for (;;) {
    const UniqueFd connection_fd(::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection_fd) continue;
    for (;;) {
      // tcp(7): MSG_TRUNC discards what has come instead of copying it.
      const ssize_t size =
          ::recv(connection_fd.get(), buffer.data(), habit == Habit::Slow ? 1 : buffer.size(),
                 habit == Habit::Discards ? MSG_TRUNC : 0);
      if (size <= 0) break;
      if (habit == Habit::Slow) ::sleep(1);
      if (habit != Habit::Counts) continue;
      const auto lines = std::count(buffer.begin(), buffer.begin() + size, '\n');
      shared.last = now().count();
      shared.lines += static_cast<std::uint64_t>(lines);
    }
  }
}

Result<Receiver> Receiver::start(Habit habit) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0 ||
      (habit != Habit::Down && ::listen(fd.get(), 8) < 0))
    return fail_errno(errno, own_words("listen on a port of the loopback"));
  Receiver receiver;
  receiver.port_ = ntohs(address.sin_port);
  void* shared = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return fail_errno(errno, own_words("map the receiver's results"));
  receiver.shared_ = new (shared) Shared;
  if (habit == Habit::Down) {
    receiver.bound_fd_ = std::move(fd);
    return receiver;
  }
  receiver.pid_ = ::fork();
  if (receiver.pid_ < 0) return fail_errno(errno, own_words("start a receiver"));
  if (receiver.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve(fd.get(), habit, *receiver.shared_);
  }
  return receiver;
}

Receiver::Receiver(Receiver&& other) noexcept
    : bound_fd_(std::move(other.bound_fd_)),
      port_(other.port_),
      pid_(std::exchange(other.pid_, -1)),
      shared_(std::exchange(other.shared_, nullptr)) {}

Receiver::~Receiver() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
}

Receiver::Tally Receiver::tally() const {
  return {.lines = shared_->lines, .last = Moment(shared_->last)};
}

double Receiver::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (pid_ < 0 || ::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace slurper::bench
