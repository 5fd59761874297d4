// bench_loop FIFO OUT [NAP]: the yardstick. A bare read(2) and write(2) loop with a pipe of 1 MiB that sleeps
// NAP microseconds after a read of less than 64 KiB, so that more lines share the next wake-up. It has no
// ring, forgives no error and loses what it holds when it is killed, on purpose: nothing that copies can cost
// less.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) return 64;
  const long nap = argc == 4 ? std::atol(argv[3]) : 0;
  const int fifo_fd = ::open(argv[1], O_RDWR | O_CLOEXEC);
  const int log_fd = ::open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fifo_fd < 0 || log_fd < 0 || ::fcntl(fifo_fd, F_SETPIPE_SZ, 1 << 20) < 0) {
    std::perror("bench_loop");
    return 74;
  }
  ::prctl(PR_SET_TIMERSLACK, 1);
  std::vector<char> buffer(256 << 10);
  for (;;) {
    const ssize_t got = ::read(fifo_fd, buffer.data(), buffer.size());
    if (got <= 0 || ::write(log_fd, buffer.data(), static_cast<std::size_t>(got)) != got) {
      std::perror("bench_loop");
      return 74;
    }
    if (nap > 0 && got < 64 << 10) {
      const timespec time{.tv_sec = 0, .tv_nsec = nap * 1000};
      ::nanosleep(&time, nullptr);
    }
  }
}
