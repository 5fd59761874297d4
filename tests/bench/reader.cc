#include "bench/reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"
#include "bench/lines.h"

namespace slurper::bench {

namespace {

using std::chrono::milliseconds;

// The number after `field` in a file of /proc in the form of status; 0 if there is none.
std::uint64_t proc_number(const std::filesystem::path& file, std::string_view field) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(field)) return std::strtoull(line.c_str() + field.size(), nullptr, 10);
  }
  return 0;
}

// A socket for sd_notify(3), in the abstract name space: a path could be too long for sun_path.
Result<UniqueFd> listen_for_notifications(const std::string& name) {
  UniqueFd socket_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!socket_fd || ::bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    return fail_errno(errno, own_words("listen for notifications"));
  }
  return socket_fd;
}

bool says_ready(std::string_view message) {
  return message.starts_with("READY=1") || message.find("\nREADY=1") != std::string_view::npos;
}

}  // namespace

Result<Reader> Reader::start(const std::string& command, const std::string& directory,
                             const std::string& notify_socket) {
  const std::string script = "exec " + command;
  const std::string stderr_file = directory + "/stderr";
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, own_words("start a reader"));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (notify_socket.empty()) {
      ::unsetenv("NOTIFY_SOCKET");
    } else {
      ::setenv("NOTIFY_SOCKET", notify_socket.c_str(), 1);
    }
    const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int stderr_fd = ::open(stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null_fd < 0 || stderr_fd < 0 || ::chdir(directory.c_str()) < 0) ::_exit(126);
    ::dup2(null_fd, STDIN_FILENO);
    ::dup2(null_fd, STDOUT_FILENO);
    ::dup2(stderr_fd, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    ::_exit(127);
  }
  return Reader(pid);
}

Reader::Reader(Reader&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), whole_cpu_seconds_(other.whole_cpu_seconds_) {}

Reader::~Reader() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)reap(0);
}

bool Reader::reap(int options) {
  rusage usage{};
  if (::wait4(pid_, nullptr, options, &usage) != pid_) return false;
  pid_ = -1;
  whole_cpu_seconds_ = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  return true;
}

bool Reader::ended() {
  return pid_ < 0 || reap(WNOHANG);
}

bool Reader::stop(milliseconds patience) {
  if (ended()) return false;
  ::kill(pid_, SIGTERM);
  for (const Moment end = now() + patience; now() < end;) {
    if (ended()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  ::kill(pid_, SIGKILL);
  (void)reap(0);
  return false;
}

double Reader::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (pid_ < 0 || ::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::uint64_t Reader::context_switches() const {
  std::uint64_t switches = 0;
  std::error_code vanished;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_), vanished)) {
    switches += proc_number(task.path() / "status", "voluntary_ctxt_switches:");
    switches += proc_number(task.path() / "status", "nonvoluntary_ctxt_switches:");
  }
  return switches;
}

double Reader::resident_mib() const {
  return static_cast<double>(proc_number(fmt::format("/proc/{}/status", pid_), "VmRSS:")) / 1024;
}

double Reader::peak_resident_mib() const {
  return static_cast<double>(proc_number(fmt::format("/proc/{}/status", pid_), "VmHWM:")) / 1024;
}

Result<double> time_until_ready(const std::string& command, const std::string& directory) {
  const std::string name = fmt::format("slurper-bench-{}", ::getpid());
  const auto socket_fd = listen_for_notifications(name);
  if (!socket_fd) return std::unexpected(socket_fd.error());
  const Moment start = now();
  auto reader = Reader::start(command, directory, "@" + name);
  if (!reader) return std::unexpected(reader.error());
  for (const Moment end = start + std::chrono::seconds(5); now() < end && !reader->ended();) {
    pollfd waiting{.fd = socket_fd->get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 100) <= 0) continue;
    std::array<char, 4096> message;
    const ssize_t size = ::recv(socket_fd->get(), message.data(), message.size(), 0);
    const Moment received = now();
    if (size > 0 && says_ready({message.data(), static_cast<std::size_t>(size)})) {
      (void)reader->stop(std::chrono::seconds(5));  // only the way there is measured
      return static_cast<double>((received - start).count()) / 1000;
    }
  }
  return fail(ErrorKind::Io, own_words("time the start"),
              own_words("the reader never said that it is ready"));
}

}  // namespace slurper::bench
