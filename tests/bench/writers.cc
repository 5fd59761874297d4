#include "bench/writers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

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

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void write_blocks(const LineMaker& maker, int fd, const WriterPlan& plan, unsigned writer,
                  WriterTally* tally) {
  std::vector<char> block(64 << 10);
  while (tally->accepted < plan.lines) {
    std::size_t size = 0;
    std::uint64_t number = tally->accepted;
    for (; number < plan.lines && size + kLongestLine <= block.size(); ++number)
      size += maker.make(block.data() + size, writer, number, tally->first);
    if (!write_all(fd, {block.data(), size})) {
      tally->errnum = errno;
      break;
    }
    tally->accepted = number;
    tally->bytes += size;
  }
  tally->cpu_seconds = cpu_seconds();
}

// The life of one writer process. Notes its result in `tally` and returns.
void write_lines(const LineMaker& maker, const std::string& path, const WriterPlan& plan, unsigned writer,
                 WriterTally* tally) {
  const UniqueFd fifo_write_fd = open_for_writing(path);
  if (!fifo_write_fd || (!plan.nonblocking && ::fcntl(fifo_write_fd.get(), F_SETFL, 0) < 0)) {
    tally->errnum = errno;
    return;
  }
  tally->first = now();
  if (plan.in_blocks) return write_blocks(maker, fifo_write_fd.get(), plan, writer, tally);
  std::array<char, kLongestLine> line;
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

UniqueFd open_for_writing(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return {};
  if (!S_ISSOCK(st.st_mode)) return UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

Result<Writers> Writers::start(const LineMaker& maker, const std::string& path, const WriterPlan& plan) {
  Writers writers;
  writers.count_ = plan.writers;
  void* shared = ::mmap(nullptr, sizeof(WriterTally) * plan.writers, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return fail_errno(errno, own_words("map the writers' results"));
  writers.shared_ = static_cast<WriterTally*>(shared);
  for (unsigned writer = 0; writer < plan.writers; ++writer) {
    const pid_t pid = ::fork();
    if (pid < 0) return fail_errno(errno, own_words("start a writer"));
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::prctl(PR_SET_TIMERSLACK, 1);
      ::signal(SIGPIPE, SIG_IGN);
      write_lines(maker, path, plan, writer, &writers.shared_[writer]);
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
