#include "cli/trace_live.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/error.h"
#include "base/own_program.h"
#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
constexpr int kStreamSize = 1 << 20;

// For the signal handler.
std::atomic<pid_t> recorder_pid{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void pass_on(int signal) {
  const int saved = errno;
  if (const pid_t pid = recorder_pid; pid > 0) ::kill(pid, signal);
  errno = saved;
}

void handle_signals(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) {
    struct sigaction before{};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // nohup's stays ignored
  }
}

std::vector<std::string> arguments_of(const TraceSelection& selection, const std::string& program,
                                      int stream_fd) {
  std::vector<std::string> arguments{program, fmt::format("--never-watch={}", ::getpid())};
  const auto add = [&](std::string_view option, const auto& value) {
    arguments.push_back(fmt::format("{}={}", option, value));
  };
  if (!selection.fifo.empty()) add("--fifo", selection.fifo);
  if (!selection.unit.empty()) add("--unit", selection.unit);
  if (!selection.pids.empty()) arguments.push_back(fmt::format("-p{}", fmt::join(selection.pids, ",")));
  if (!selection.user.empty()) arguments.push_back("-u" + selection.user);
  if (!selection.engine.empty()) add("--engine", selection.engine);
  if (selection.all_calls) arguments.emplace_back("--all-calls");
  if (selection.peers) arguments.emplace_back("--peers");
  if (selection.with_environment) arguments.emplace_back("--env");
  if (selection.snaplen) add("--snaplen", *selection.snaplen);
  if (selection.duration) add("--for", format(*selection.duration));
  if (selection.size) add("--size", format(*selection.size));
  if (selection.shows_progress) arguments.emplace_back("--progress");
  if (selection.write_to.empty()) {
    add("--output-fd", stream_fd);
  } else if (selection.write_to != "-") {  // which is where it writes by itself
    arguments.push_back("-w" + selection.write_to);
    if (selection.compress) arguments.emplace_back("-z");
  }
  if (!selection.command.empty()) {
    arguments.emplace_back("--");
    arguments.insert(arguments.end(), selection.command.begin(), selection.command.end());
  }
  return arguments;
}

// Returns the process id, or -errno.
pid_t spawn(const std::string& program, const std::vector<std::string>& arguments, int stream_fd) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Onto itself: it stays open in the recorder.
  if (stream_fd >= 0) ::posix_spawn_file_actions_adddup2(&actions, stream_fd, stream_fd);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -error;
}

}  // namespace

std::string recorder_program() {
  return find_own_program("SLURPER_TRACE_PROGRAM", SLURPER_RECORDER);
}

Result<LiveTrace> LiveTrace::start(const TraceSelection& selection) {
  const std::string program = recorder_program();
  const Phrase what = about_file(PhraseId::StartRecorder, program);
  UniqueFd read_end;
  UniqueFd write_end;
  if (selection.write_to.empty()) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, what);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    (void)::fcntl(read_end.get(), F_SETPIPE_SZ, kStreamSize);  // a smaller one works, too
  }
  const pid_t pid = spawn(program, arguments_of(selection, program, write_end.get()), write_end.get());
  if (pid < 0) return fail_errno(-pid, what);
  recorder_pid = pid;
  handle_signals(pass_on);
  return LiveTrace(pid, std::move(read_end));
}

LiveTrace::LiveTrace(LiveTrace&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), stream_(std::move(other.stream_)), status_(other.status_) {}

LiveTrace::~LiveTrace() {
  stream_.reset();
  (void)wait();
}

void LiveTrace::end() const {
  if (pid_ > 0) (void)::kill(pid_, SIGTERM);  // it has not been waited for, so the id is still its own
}

int LiveTrace::wait() {
  if (pid_ <= 0) return status_;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  handle_signals(SIG_DFL);
  recorder_pid = 0;
  pid_ = 0;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_;
}

}  // namespace slurper
