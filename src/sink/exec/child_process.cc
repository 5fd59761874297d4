#include "sink/exec/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

// Without ends if none can be made: errno says why.
Pipe make_pipe() {
  int fds[2] = {-1, -1};
  (void)::pipe2(fds, O_CLOEXEC);
  return {.read_end = UniqueFd(fds[0]), .write_end = UniqueFd(fds[1])};
}

// Applies to our end only: O_NONBLOCK belongs to the open file description, and each end has its own.
void set_nonblocking(const UniqueFd& fd) {
  (void)::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Owns the lists of posix_spawn(3), which must be freed.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

Status ChildProcess::start(const ChildProgram& program) {
  kill();
  const Phrase what = about_file(PhraseId::StartProgram, program.path);
  Pipe input;
  Pipe output;
  Pipe errors;
  for (Pipe* const pipe : {&input, &output, &errors}) {
    *pipe = make_pipe();
    if (!pipe->read_end) return fail_errno(errno, what);
  }

  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, input.read_end.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.actions, output.write_end.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.actions, errors.write_end.get(), STDERR_FILENO);
  // All descriptors of slurper are close-on-exec. Those that a library opens, or that slurper inherited, may
  // not be.
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, STDERR_FILENO + 1);
  ::posix_spawn_file_actions_addchdir_np(&plan.actions, "/");
  sigset_t none;
  sigset_t by_default;
  sigemptyset(&none);
  sigfillset(&by_default);  // SIGPIPE is ignored here
  for (const int ours : {SIGHUP, SIGUSR1, SIGUSR2}) sigdelset(&by_default, ours);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &by_default);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  ::posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> args = program.args;
  args.insert(args.begin(), program.path);
  std::vector<std::string> environment = program.environment;
  pid_t pid = -1;
  if (const int error = ::posix_spawn(&pid, program.path.c_str(), &plan.actions, &plan.attributes,
                                      pointers(args).data(), pointers(environment).data());
      error != 0) {
    return fail_errno(error, what);
  }
  pid_ = pid;
  ended_ = false;
  // Not pidfd_open(2): glibc 2.36 declares it without extern "C".
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!pidfd_) {
    const int error = errno;
    kill();
    return fail_errno(error, what);
  }
  stdin_ = std::move(input.write_end);
  stdout_ = std::move(output.read_end);
  stderr_ = std::move(errors.read_end);
  for (const UniqueFd* fd : {&stdin_, &stdout_, &stderr_}) set_nonblocking(*fd);
  return {};
}

void ChildProcess::signal(int number) const {
  // Until the program is reaped, the number of its process group is not reused. Never signal 0 or -1: these
  // mean other processes.
  if (pid_ > 1) (void)::kill(-pid_, number);
}

Phrase ChildProcess::ask_how_it_ended() {
  if (!running()) return {};
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  } while (result < 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return {};
  ended_ = true;
  pidfd_.reset();
  if (result < 0) {
    pid_ = -1;  // its number may be reused by now
    return PhraseId::EndedUnknown;
  }
  const auto number = static_cast<std::uint64_t>(info.si_status);
  if (info.si_code != CLD_EXITED) {
    const char* const name = ::sigdescr_np(info.si_status);  // none of a real-time signal
    return {PhraseId::EndedBySignal, {{"signal", number}, {"name", name != nullptr ? name : "real-time"}}};
  }
  return {PhraseId::EndedWithStatus, {{"status", number}}};
}

void ChildProcess::kill() {
  if (pid_ > 0) {
    signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  pidfd_.reset();
  stdin_.reset();
  stdout_.reset();
  stderr_.reset();
}

}  // namespace slurper
