#include "support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "support/said.h"

namespace slurper::test {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result(texts.size());
  std::ranges::transform(texts, result.begin(),
                         [](const std::string& text) { return const_cast<char*>(text.c_str()); });
  return result;
}

// The test's environment with the program's own put over it.
std::vector<char*> environment(const Program& program) {
  std::vector<char*> result = pointers(program.env);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const char* const equals = std::strchr(*entry, '=');
    const auto length =
        equals != nullptr ? static_cast<std::size_t>(equals - *entry) + 1 : std::strlen(*entry);
    bool replaced = false;
    for (const std::string& own : program.env)
      replaced = replaced || own.compare(0, length, *entry, length) == 0;
    if (!replaced) result.push_back(*entry);
  }
  result.push_back(nullptr);
  return result;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace

pid_t fork_exec(const Program& program, const Stdio& stdio, int gate_fd) {
  // Everything that allocates comes before fork(2): other threads may hold malloc's lock in that instant.
  std::vector<char*> argv = pointers(program.argv);
  argv.push_back(nullptr);
  std::vector<char*> env = environment(program);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid > 0) return pid;

  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0) ::_exit(127);
  ::dup2(stdio.in >= 0 ? stdio.in : null_fd, STDIN_FILENO);
  ::dup2(stdio.out >= 0 ? stdio.out : null_fd, STDOUT_FILENO);
  ::dup2(stdio.err >= 0 ? stdio.err : null_fd, STDERR_FILENO);
  if (gate_fd >= 0) {
    char byte = 0;
    while (::read(gate_fd, &byte, 1) < 0 && errno == EINTR) {
    }
  }
  ::execvpe(argv[0], argv.data(), env.data());
  ::_exit(127);
}

UniqueFd make_capture() {
  UniqueFd capture(::memfd_create("capture", MFD_CLOEXEC));
  if (!capture) throw std::system_error(errno, std::generic_category(), "memfd_create");
  return capture;
}

std::string captured(const UniqueFd& capture) {
  struct stat st{};
  if (::fstat(capture.get(), &st) != 0) return {};
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  const ssize_t size = ::pread(capture.get(), text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

Child::Child(const Program& program, int stdin_fd, int stdout_fd)
    : stdout_(make_capture()), stderr_(make_capture()) {
  const int out_fd = stdout_fd >= 0 ? stdout_fd : stdout_.get();
  pid_ = fork_exec(program, {.in = stdin_fd, .out = out_fd, .err = stderr_.get()});
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      stdout_(std::move(other.stdout_)),
      stderr_(std::move(other.stderr_)) {}

Child::~Child() {
  if (pid_ <= 0) return;
  kill();
  keep_said(err());
}

bool Child::said(const std::string& text, int count, std::chrono::milliseconds deadline) {
  const auto heard = [&] { return occurrences(err(), text) >= static_cast<std::size_t>(count); };
  return eventually([&] { return heard() || wait(std::chrono::milliseconds(0)); }, deadline) && heard();
}

void Child::signal(int number) const {
  // A reaped process's number may be another process's by now.
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds deadline) {
  if (status_) return status_;
  // glibc 2.36 declares pidfd_open() without extern "C".
  const UniqueFd pid_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd gone = {.fd = pid_fd.get(), .events = POLLIN, .revents = 0};
  if (pid_fd && ::poll(&gone, 1, static_cast<int>(deadline.count())) <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  status_ = status;
  return status_;
}

bool Child::exits_with(int code, std::chrono::milliseconds deadline) {
  const std::optional<int> status = wait(deadline);
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == code;
}

void Child::kill() {
  signal(SIGKILL);
  (void)wait();  // after SIGKILL the status says nothing new
}

std::string describe_status(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit code " + std::to_string(WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) return std::string("killed by SIG") + sigabbrev_np(WTERMSIG(wait_status));
  return "status " + std::to_string(wait_status);
}

}  // namespace slurper::test
