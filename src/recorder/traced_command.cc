#include "recorder/traced_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr int kNoUser = 67;     // EX_NOUSER of sysexits.h
constexpr int kNotFound = 127;  // as a shell
constexpr int kNotRunnable = 126;

bool is_program(const std::string& path) {
  struct stat file{};
  return ::stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && (file.st_mode & 0111) != 0;
}

// Looked up here and not by execvp(3), whose vain attempts would be the beginning of each capture.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* const variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (true) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (is_program(candidate)) return candidate;
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

struct Account {
  bool wanted = false;
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

Recorded<Account> find_account(const std::string& name) {
  Account account;
  if (name.empty()) return account;
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr && name.find_first_not_of("0123456789") == std::string::npos)
    entry = ::getpwuid(static_cast<uid_t>(std::strtoul(name.c_str(), nullptr, 10)));
  if (entry == nullptr)
    return std::unexpected(RecorderError{kNoUser, fmt::format("there is no user {}", in_quotes(name))});
  return Account{true, entry->pw_name, entry->pw_uid, entry->pw_gid, entry->pw_dir};
}

[[noreturn]] void give_up(const char* what, const char* on) {
  const int error = errno;
  ::dprintf(STDERR_FILENO, "slurper: cannot %s '%s': %s\n", what, on, std::strerror(error));
  ::_exit(error == ENOENT ? kNotFound : kNotRunnable);
}

void become(const Account& account) {
  if (!account.wanted) return;
  if (::initgroups(account.name.c_str(), account.gid) != 0 || ::setgid(account.gid) != 0 ||
      ::setuid(account.uid) != 0)
    give_up("become the user", account.name.c_str());
  ::setenv("HOME", account.home.c_str(), 1);
  ::setenv("USER", account.name.c_str(), 1);
  ::setenv("LOGNAME", account.name.c_str(), 1);
}

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
}

[[noreturn]] void run(const std::string& program, std::vector<char*> argv, const Account& account,
                      int gate_fd) {
  become(account);
  reset_signals();
  // Waits for the end of the pipe, whose other end the recorder holds: it comes even if that is killed.
  char byte;
  while (::read(gate_fd, &byte, 1) < 0 && errno == EINTR) {
  }
  ::execv(program.c_str(), argv.data());
  give_up("run", program.c_str());
}

}  // namespace

Recorded<TracedCommand> TracedCommand::start(const RecorderOptions& options) {
  const std::string program = find_program(options.command.front());
  if (program.empty())
    return std::unexpected(RecorderError{kNotFound, fmt::format("cannot run {}: it is in no folder of PATH",
                                                                in_quotes(options.command.front()))});
  const auto account = find_account(options.user);
  if (!account) return std::unexpected(account.error());
  std::vector<char*> argv;
  for (const std::string& argument : options.command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::array<int, 2> gate{};
  if (::pipe2(gate.data(), O_CLOEXEC) != 0)
    return std::unexpected(RecorderError{71, fmt::format("cannot make a pipe: {}", errno_text(errno))});
  UniqueFd read_end(gate[0]);
  UniqueFd write_end(gate[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(RecorderError{71, fmt::format("cannot fork: {}", errno_text(errno))});
  if (pid == 0) {
    write_end.reset();
    run(program, std::move(argv), *account, read_end.get());
  }
  return TracedCommand(pid, std::move(write_end));
}

void TracedCommand::end(int wait_status) {
  status_ = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace slurper
