#include "cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include "support/files.h"
#include "support/said.h"

namespace slurper::test {

namespace {

constexpr uid_t kNobody = 65534;

// Output in a file of its own: a pipe could fill, and would have to be read meanwhile.
UniqueFd make_output() {
  UniqueFd fd(memfd_create("output", MFD_CLOEXEC));
  if (!fd) throw std::runtime_error("memfd_create failed");
  return fd;
}

std::string contents(const UniqueFd& fd) {
  std::string text;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t size = pread(fd.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
    if (size <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

// In the child. Never returns.
[[noreturn]] void become(int program_fd, std::vector<std::string> arguments, const How& how, int out_fd,
                         int err_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out_fd, STDOUT_FILENO);
  dup2(err_fd, STDERR_FILENO);
  for (const int fd : how.closed_fds) close(fd);
  if (how.as_nobody && (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
                        setresuid(kNobody, kNobody, kNobody) != 0)) {
    _exit(126);
  }
  // After the change of user, which would count against the limit: execve(2) would fail.
  if (const rlimit limit{.rlim_cur = how.max_processes, .rlim_max = how.max_processes};
      how.max_processes > 0 && setrlimit(RLIMIT_NPROC, &limit) != 0)
    _exit(126);
  arguments.insert(arguments.begin(), "slurper");
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // By descriptor: the user `nobody` may not be able to reach the folder in which it was built.
  fexecve(program_fd, argv.data(), environ);
  _exit(127);
}

template <typename Condition>
bool wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kEndDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace

Slurper::Slurper(const std::vector<std::string>& arguments, const How& how)
    : out_fd_(make_output()), err_fd_(make_output()) {
  const UniqueFd program_fd(open(SLURPER_PROGRAM, O_RDONLY | O_CLOEXEC));
  if (!program_fd) throw std::runtime_error("no program at " SLURPER_PROGRAM);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) become(program_fd.get(), arguments, how, out_fd_.get(), err_fd_.get());
}

Slurper::~Slurper() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  test::keep_said(err());
}

bool Slurper::has_ended() {
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ <= 0;
}

bool Slurper::says(const std::string& text) {
  const auto said = [&] { return err().find(text) != std::string::npos; };
  return wait_until([&] { return said() || has_ended(); }) && said();
}

void Slurper::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

int Slurper::wait() {
  if (!wait_until([&] { return has_ended(); })) return -1;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string Slurper::out() const {
  return contents(out_fd_);
}

std::string Slurper::err() const {
  return contents(err_fd_);
}

Outcome run_slurper(const std::vector<std::string>& arguments, const How& how) {
  Slurper slurper(arguments, how);
  const int status = slurper.wait();
  test::keep_said(slurper.out());
  return {status, slurper.out(), slurper.err()};
}

Outcome capture(const std::function<int(std::FILE* out, std::FILE* err)>& command) {
  const auto close = [](std::FILE* file) { (void)std::fclose(file); };  // its content is in memory
  using File = std::unique_ptr<std::FILE, decltype(close)>;
  char* out_text = nullptr;
  char* err_text = nullptr;
  std::size_t out_size = 0;
  std::size_t err_size = 0;
  Outcome outcome;
  {
    const File out(::open_memstream(&out_text, &out_size));
    const File err(::open_memstream(&err_text, &err_size));
    outcome.status = command(out.get(), err.get());
  }
  outcome.out.assign(out_text, out_size);
  outcome.err.assign(err_text, err_size);
  test::keep_said(outcome.out);
  test::keep_said(outcome.err);
  std::free(out_text);
  std::free(err_text);
  return outcome;
}

std::vector<std::string> CommandSite::arguments(const std::string& command,
                                                const std::vector<std::string>& more) const {
  std::vector<std::string> all = {command,
                                  "--set",
                                  "fifo.path=" + (folder_ / "fifo"),
                                  "--set",
                                  "log.path=" + (folder_ / "log"),
                                  "--set",
                                  "ring.size=4MiB",
                                  "--set",
                                  "ring.directory=" + (ring_ / "r")};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string snapshot(const std::string& folder) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& path) {
    struct stat st{};
    if (lstat(path.c_str(), &st) != 0) return;
    // A hash, so that a difference can be read; a log's and a ring's bytes are not for a terminal. The times
    // of folders only: the kernel notes those of a file that is mapped when it likes, and its bytes say more.
    const std::string bytes = S_ISREG(st.st_mode) ? test::content_of(path) : "";
    const timespec changed = S_ISDIR(st.st_mode) ? st.st_mtim : timespec{};
    lines.push_back(fmt::format("{} {:o} {} {} {} {} {}.{} {:x}\n", path, st.st_mode, st.st_uid, st.st_gid,
                                st.st_ino, st.st_size, changed.tv_sec, changed.tv_nsec,
                                std::hash<std::string>{}(bytes)));
  };
  add(folder);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) add(entry.path().string());
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace slurper::test
