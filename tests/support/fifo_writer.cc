#include "support/fifo_writer.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "support/lines.h"
#include "support/wait.h"

namespace slurper::test {

namespace {

bool set_packet_mode(int fd) {
  return ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_DIRECT) == 0;
}

}  // namespace

FifoHolder::FifoHolder(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) throw std::system_error(errno, std::generic_category(), path);
  fd_.reset(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) throw std::system_error(errno, std::generic_category(), path);
}

void FifoHolder::write_packets() {
  if (!set_packet_mode(fd_.get())) throw std::system_error(errno, std::generic_category(), "O_DIRECT");
}

bool FifoHolder::write(std::string_view bytes) {
  ssize_t taken = 0;
  while ((taken = ::write(fd_.get(), bytes.data(), bytes.size())) < 0 && errno == EINTR) {
  }
  if (taken > 0) accepted_ += bytes.substr(0, static_cast<std::size_t>(taken));
  return taken == static_cast<ssize_t>(bytes.size());
}

std::size_t FifoHolder::pending() const {
  int bytes = 0;
  return ::ioctl(fd_.get(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

struct LineWriter::Shared {
  std::atomic<std::uint64_t> lines{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> stop{false};
};

LineWriter::LineWriter(const std::string& fifo, const Plan& plan) {
  void* const page =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  shared_ = new (page) Shared;
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(fifo, plan, *shared_);
  }
}

LineWriter::LineWriter(LineWriter&& other) noexcept
    : shared_(std::exchange(other.shared_, nullptr)), pid_(std::exchange(other.pid_, -1)) {}

LineWriter::~LineWriter() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
}

void LineWriter::run(const std::string& fifo, const Plan& plan, Shared& shared) {
  const UniqueFd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  if (plan.packets && !set_packet_mode(fd.get())) ::_exit(1);
  std::array<char, kMaxLine> line{};
  const auto start = std::chrono::steady_clock::now();
  while (fd && shared.lines < plan.lines) {
    if (shared.stop) ::_exit(0);
    if (plan.per_second != 0) {
      // After a time in which it had to wait it catches up, as the source of a syslogd would.
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (static_cast<double>(shared.lines) >= elapsed.count() * plan.per_second) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
    }
    const std::size_t size = make_line(line.data(), plan.writer, shared.lines);
    const ssize_t taken = ::write(fd.get(), line.data(), size);
    if (taken < 0 && errno == EINTR) continue;
    // At most PIPE_BUF: the kernel takes all of it or nothing (pipe(7)).
    if (taken != static_cast<ssize_t>(size)) ::_exit(1);
    shared.bytes += size;
    ++shared.lines;
  }
  ::_exit(fd ? 0 : 1);
}

std::uint64_t LineWriter::lines() const {
  return shared_->lines;
}
std::uint64_t LineWriter::bytes() const {
  return shared_->bytes;
}

bool LineWriter::finish() {
  shared_->stop = true;
  return wait();
}

bool LineWriter::wait() {
  int status = -1;
  const bool gone = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (gone) pid_ = -1;
  return gone && status == 0;
}

bool write_blocking(const std::string& fifo, std::string_view bytes, const std::vector<std::size_t>& pieces) {
  const UniqueFd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const ssize_t taken = ::write(fd.get(), bytes.data(), std::min(bytes.size(), pieces[i % pieces.size()]));
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

}  // namespace slurper::test
