#include "bench/writers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace slurper::bench {

namespace {

void sleep_until(Moment when) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(when);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = (when - seconds).count() * 1000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// The life of one writer process. Notes its result in `tally` and returns.
void write_lines(const LineMaker& maker, const char* fifo, const WriterPlan& plan, unsigned writer,
                 WriterTally* tally) {
  const UniqueFd fifo_write_fd(::open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fifo_write_fd || (!plan.nonblocking && ::fcntl(fifo_write_fd.get(), F_SETFL, 0) < 0)) {
    tally->errnum = errno;
    return;
  }
  std::array<char, kLongestLine> line;
  tally->first = now();
  Moment start = tally->first;  // of the schedule, which a pause shifts
  for (std::uint64_t i = 0; i < plan.lines; ++i) {
    if (plan.burst > 0 && i > 0 && i % plan.burst == 0) {
      sleep_until(now() + plan.pause);
      start += plan.pause;
    }
    if (plan.rate > 0) {
      const Moment due = start + Moment(static_cast<std::int64_t>(static_cast<double>(i) * 1e6 / plan.rate));
      if (now() < due) sleep_until(due);
    }
    // Below PIPE_BUF a write(2) is all or nothing.
    const std::size_t length = maker.make(line.data(), writer, tally->accepted, now());
    ssize_t written = -1;
    do {
      written = ::write(fifo_write_fd.get(), line.data(), length);
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(length)) {
      ++tally->accepted;
      tally->bytes += length;
    } else if (written < 0 && errno == EAGAIN) {
      ++tally->refused;
    } else {
      tally->errnum = written < 0 ? errno : EIO;
      break;
    }
  }
  tally->cpu_seconds = cpu_seconds();
}

}  // namespace

Result<Writers> Writers::start(const LineMaker& maker, const std::string& fifo, const WriterPlan& plan) {
  Writers writers;
  writers.count_ = plan.writers;
  void* shared = ::mmap(nullptr, sizeof(WriterTally) * plan.writers, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return fail_errno(errno, "map the writers' results");
  writers.shared_ = static_cast<WriterTally*>(shared);
  for (unsigned writer = 0; writer < plan.writers; ++writer) {
    const pid_t pid = ::fork();
    if (pid < 0) return fail_errno(errno, "start a writer");
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::prctl(PR_SET_TIMERSLACK, 1);
      ::signal(SIGPIPE, SIG_IGN);
      write_lines(maker, fifo.c_str(), plan, writer, &writers.shared_[writer]);
      ::_exit(0);
    }
    writers.running_.push_back(pid);
  }
  return writers;
}

Writers::Writers(Writers&& other) noexcept
    : running_(std::exchange(other.running_, {})),
      shared_(std::exchange(other.shared_, nullptr)),
      count_(std::exchange(other.count_, 0)) {}

Writers::~Writers() {
  for (const pid_t pid : running_) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  if (shared_ != nullptr) ::munmap(shared_, sizeof(WriterTally) * count_);
}

bool Writers::done() {
  std::erase_if(running_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == pid; });
  return running_.empty();
}

std::vector<WriterTally> Writers::tallies() const {
  return {shared_, shared_ + count_};
}

}  // namespace slurper::bench
