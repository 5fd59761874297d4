#include "recorder/ptrace_engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/wrap.h"
#include "proc/proc_files.h"
#include "recorder/initial_state.h"
#include "recorder/traced_descriptors.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kNoPermission = 77;  // EX_NOPERM of sysexits.h
constexpr int kUnavailable = 69;   // EX_UNAVAILABLE

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
constexpr int kCallStop = SIGTRAP | 0x80;
constexpr std::uint16_t kRestartSyscall = 219;
// A call that lasts longer is reported before its end.
constexpr std::uint64_t kSleeps = 1'000'000;
// One in an uninterruptible call does not stop before that has ended.
constexpr auto kPatience = 200ms;
constexpr int kMostAtOnce = 1000;

// Results that no program sees: the kernel begins the call again.
bool will_restart(std::int64_t result) {
  constexpr std::int64_t kRestartSys = -512;
  constexpr std::int64_t kRestartNoIntr = -513;
  constexpr std::int64_t kRestartNoHand = -514;
  constexpr std::int64_t kRestartBlock = -516;
  return result == kRestartSys || result == kRestartNoIntr || result == kRestartNoHand ||
         result == kRestartBlock;
}

bool is_group_stop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// A thread that was killed meanwhile (ESRCH) reports its end.
void go_on(pid_t tid, int signal = 0) {
  (void)::ptrace(PTRACE_SYSCALL, tid, nullptr, static_cast<long>(signal));
}

pid_t message_of(pid_t tid) {
  unsigned long message = 0;
  (void)::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);  // as above
  return static_cast<pid_t>(message);
}

std::uint64_t signal_set(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string_view::npos) return 0;
  return parse_number<std::uint64_t>(status.substr(at + name.size()), 16).value_or(0);
}

// A tracer sees signals that are ignored, too. The thread itself never does.
bool is_ignored(pid_t tid, int signal) {
  const std::string status = read_small(AT_FDCWD, fmt::format("/proc/{}/status", tid).c_str());
  const std::uint64_t bit = std::uint64_t{1} << (signal - 1);
  if ((signal_set(status, "SigIgn:\t") & bit) != 0) return true;
  const bool is_caught = (signal_set(status, "SigCgt:\t") & bit) != 0;
  return !is_caught && (signal == SIGCHLD || signal == SIGWINCH || signal == SIGURG || signal == SIGCONT);
}

std::uint64_t tracer_of(pid_t pid) {
  const std::string status = read_small(AT_FDCWD, fmt::format("/proc/{}/status", pid).c_str());
  constexpr std::string_view kLabel = "TracerPid:\t";
  const std::size_t at = status.find(kLabel);
  if (at == std::string::npos) return 0;
  return parse_number<std::uint64_t>(std::string_view(status).substr(at + kLabel.size())).value_or(0);
}

std::string reason(pid_t pid, int error) {
  if (const std::uint64_t tracer = tracer_of(pid); tracer != 0)
    return fmt::format("process {} traces it already", tracer);
  return errno_text(error);
}

}  // namespace

PtraceEngine::PtraceEngine(const TraceConfig& config, const Receiver& receiver)
    : records_(config, receiver),
      own_pid_(static_cast<pid_t>(config.own_pid)),
      own_parent_pid_(static_cast<pid_t>(config.own_parent_pid)),
      carriers_(carriers_of_output({own_pid_, own_parent_pid_})) {}

Recorded<std::unique_ptr<Engine>> PtraceEngine::start(const TraceConfig& config, const Receiver& receiver) {
  std::unique_ptr<PtraceEngine> engine(new PtraceEngine(config, receiver));
  // An ignored SIGCHLD, which a parent may leave behind, is never sent.
  (void)std::signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  engine->children_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!engine->children_)
    return std::unexpected(
        RecorderError{kUnavailable, fmt::format("cannot trace: no signalfd: {}", errno_text(errno))});
  return engine;
}

std::string PtraceEngine::objection_to(pid_t pid) const {
  if (!carriers_.contains(pid)) return {};
  return fmt::format(
      "cannot trace process {} by ptrace: this trace's output, or its start, depends on it, so that both "
      "would wait for each other. Trace it from another terminal, with -w FILE",
      pid);
}

void PtraceEngine::list_process(pid_t pid) {
  if (pid == own_pid_ || pid == own_parent_pid_) return;
  if (carriers_.contains(pid)) {
    fmt::print(
        stderr, "{}",
        message_for(
            STDERR_FILENO,
            fmt::format("leaves out process {}: this trace's output, or its start, depends on it", pid)));
    return;
  }
  if (listed_.insert(pid).second) to_seize_.push_back(pid);
}

Recorded<void> PtraceEngine::mark_threads() {
  holds_ = true;
  for (const pid_t pid : std::exchange(to_seize_, {})) seize_process(pid);
  let_stop();
  return check_refused();
}

Recorded<void> PtraceEngine::check_refused() {
  const auto refused = std::exchange(refused_, {});
  if (threads_.empty() && !refused.empty()) {
    const auto& [pid, error] = *refused.begin();
    return std::unexpected(RecorderError{
        kNoPermission,
        fmt::format("cannot trace process {}: {}. ptrace needs the process's user or CAP_SYS_PTRACE, "
                    "and kernel.yama.ptrace_scope may forbid it to all but root",
                    pid, reason(pid, error))});
  }
  for (const auto& [pid, error] : refused)
    if (!is_traced(pid))
      fmt::print(stderr, "{}",
                 message_for(STDERR_FILENO, fmt::format("cannot trace process {}: {}. It is left out", pid,
                                                        reason(pid, error))));
  return {};
}

// Threads that it makes meanwhile are traced from their beginning if their maker is; others are found in the
// next round.
void PtraceEngine::seize_process(pid_t pid) {
  for (bool found = true; found;) {
    found = false;
    for (const pid_t tid : thread_ids(pid))
      if (!threads_.contains(tid)) found = seize_thread(pid, tid) || found;
  }
}

bool PtraceEngine::seize_thread(pid_t pid, pid_t tid) {
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, kOptions) != 0) {
    if (errno != ESRCH) refused_.emplace(pid, errno);
    return false;
  }
  TracedThread& thread = threads_[tid];
  thread.tid = tid;
  thread.pid = pid;
  ThreadRecords::refresh(thread);
  (void)::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  return true;
}

// Of a process whose first thread has ended, the others are traced.
bool PtraceEngine::is_traced(pid_t pid) const {
  return std::ranges::any_of(threads_, [pid](const auto& one) { return one.second.pid == pid; });
}

bool PtraceEngine::is_waited_for() const {
  return std::ranges::any_of(threads_, [](const auto& one) { return !one.second.had_first_stop; });
}

void PtraceEngine::let_stop() {
  const auto end = Clock::now() + kPatience;
  while (serve() || is_waited_for()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left <= 0ms) return;
    pollfd changed{.fd = children_.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&changed, 1, static_cast<int>(left.count()));  // serve() looks
  }
}

void PtraceEngine::report_threads(const Receiver& receiver) {
  for (const auto& [tid, thread] : threads_) records_.state(thread, receiver);
}

void PtraceEngine::visit_files(const Receiver& receiver) {
  visit_open_files(listed_, process_ids(), records_.sockets(), receiver);
}

void PtraceEngine::consume() {
  if (std::exchange(holds_, false))
    for (auto& [tid, thread] : threads_)
      if (thread.is_held && thread.is_announced) release(thread);
  serve();  // not till nothing is left: busy threads stop all the time
  release_orphans();
  report_sleepers();
}

// A parent that is killed in the middle of a fork never tells of its child.
void PtraceEngine::release_orphans() {
  constexpr std::uint64_t kForkTakes = 200'000'000;  // nanoseconds
  const std::uint64_t now = monotonic_now();
  for (auto& [tid, thread] : threads_) {
    if (thread.is_announced || !thread.is_held || now - thread.held_since < kForkTakes) continue;
    thread.is_announced = true;
    release(thread);
  }
}

void PtraceEngine::wait(int fd, std::chrono::milliseconds at_most) {
  const auto end = Clock::now() + at_most;
  for (auto left = at_most; left > 0ms;
       left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now())) {
    const bool has_more = serve();
    pollfd changed[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                        {.fd = children_.get(), .events = POLLIN, .revents = 0}};
    (void)::poll(changed, 2, has_more ? 0 : static_cast<int>(left.count()));  // the caller looks at all
    if (changed[0].revents != 0) return;
  }
}

// Looks at the threads that have stopped or ended; returns whether there may be more.
bool PtraceEngine::serve() {
  if (has_detached_) return false;
  signalfd_siginfo signal{};
  (void)::read(children_.get(), &signal, sizeof signal);  // it is pending once at most, or not at all
  for (int i = 0; i < kMostAtOnce; ++i) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL | WNOHANG);
    if (tid <= 0) return false;
    take_status(tid, status);
  }
  return true;
}

void PtraceEngine::take_status(pid_t tid, int status) {
  if (!WIFSTOPPED(status)) return end_thread(tid, status);
  const auto [found, is_new] = threads_.try_emplace(tid);
  TracedThread& thread = found->second;
  if (is_new) {
    thread.tid = tid;
    thread.pid = process_of(tid);
    thread.is_child = true;
    thread.is_announced = false;
  }
  take_stop(thread, status);
}

void PtraceEngine::end_thread(pid_t tid, int status) {
  if (listed_.contains(tid)) ended_[tid] = status;
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return;
  report_exit(found->second, status);
  threads_.erase(found);
}

void PtraceEngine::report_exit(TracedThread& thread, int status) {
  if (std::exchange(thread.has_exited, true)) return;
  const bool is_last = std::ranges::none_of(threads_, [&thread](const auto& one) {
    return one.second.pid == thread.pid && !one.second.has_exited;
  });
  records_.exit(thread, status, is_last);
  thread.in_call = false;
}

void PtraceEngine::take_stop(TracedThread& thread, int status) {
  const int signal = WSTOPSIG(status);
  if (signal == kCallStop) return take_call_stop(thread);
  switch (status >> 16) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      return take_fork(thread);
    case PTRACE_EVENT_EXEC:
      return take_exec(thread);
    case PTRACE_EVENT_EXIT:
      return take_exit(thread);
    case PTRACE_EVENT_STOP:
      return take_event_stop(thread, signal);
    default:
      return take_signal(thread, signal);
  }
}

void PtraceEngine::take_call_stop(TracedThread& thread) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread.tid, sizeof info, &info) > 0) {
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      std::uint64_t args[6];
      std::ranges::copy(info.entry.args, args);
      begin_call(thread, static_cast<std::uint16_t>(info.entry.nr), args, info.arch == AUDIT_ARCH_I386);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && thread.in_call) {
      records_.end(thread, info.exit.rval);
    }
  }
  go_on(thread.tid);
}

void PtraceEngine::begin_call(TracedThread& thread, std::uint16_t nr, const std::uint64_t* args,
                              bool is_compat) {
  if (std::exchange(thread.will_restart, false)) {
    const bool is_same = nr == thread.nr && std::equal(args, args + 6, thread.args);
    if (is_same || nr == kRestartSyscall) return;
    records_.end(thread, -EINTR);  // a signal's handler ran instead
  }
  thread.nr = nr;
  thread.is_compat = is_compat;
  std::copy(args, args + 6, thread.args);
  records_.begin(thread);
}

void PtraceEngine::take_event_stop(TracedThread& thread, int signal) {
  thread.is_in_group_stop = is_group_stop(signal);
  if (!std::exchange(thread.had_first_stop, true)) take_first_stop(thread);
  thread.is_held = true;
  thread.held_since = monotonic_now();
  if (!holds_ && thread.is_announced) release(thread);
}

// What the thread did when it came to be traced: its registers have the call, and what becomes of it.
void PtraceEngine::take_first_stop(TracedThread& thread) {
  user_regs_struct registers{};
  if (thread.is_child || ::ptrace(PTRACE_GETREGS, thread.tid, nullptr, &registers) != 0) return;
  constexpr unsigned long long kCompatSegment = 0x23;
  thread.is_compat = registers.cs == kCompatSegment;
  const auto nr = static_cast<std::int64_t>(registers.orig_rax);
  const auto result = static_cast<std::int64_t>(registers.rax);
  if (nr < 0 || nr > UINT16_MAX) return;
  thread.nr = static_cast<std::uint16_t>(nr);
  const std::uint64_t args[] = {registers.rdi, registers.rsi, registers.rdx,
                                registers.r10, registers.r8,  registers.r9};
  std::ranges::copy(args, thread.args);
  thread.in_call = true;
  if (will_restart(result)) {
    thread.will_restart = true;
  } else {
    thread.first_result = result;
  }
}

void PtraceEngine::release(TracedThread& thread) {
  if (const auto result = std::exchange(thread.first_result, std::nullopt)) records_.end(thread, *result);
  thread.is_held = false;
  if (thread.is_in_group_stop) {
    (void)::ptrace(PTRACE_LISTEN, thread.tid, nullptr, nullptr);
  } else {
    go_on(thread.tid);
  }
}

void PtraceEngine::take_fork(TracedThread& parent) {
  const pid_t tid = message_of(parent.tid);
  const auto [found, is_new] = threads_.try_emplace(tid);  // it may have stopped already
  TracedThread& child = found->second;
  child.tid = tid;
  child.pid = process_of(tid);
  child.identity = parent.identity;
  child.comm = parent.comm;
  child.is_child = child.is_announced = true;
  records_.fork(parent, child);
  if (child.is_held && !holds_) release(child);
  // It may even have ended, and nothing more will come of it.
  if (is_new && ::access(fmt::format("/proc/{}", tid).c_str(), F_OK) != 0) threads_.erase(tid);
  go_on(parent.tid);
}

// All other threads have ended, the first one without a word: the caller of execve(2) has its id now.
void PtraceEngine::take_exec(TracedThread& thread) {
  const pid_t tid = thread.tid;
  const pid_t former = message_of(tid);
  if (const auto found = threads_.find(former); former != tid && found != threads_.end()) {
    report_exit(thread, SIGKILL);
    TracedThread moved = std::move(found->second);
    threads_.erase(found);
    moved.tid = tid;
    threads_[tid] = std::move(moved);
  }
  records_.exec(threads_[tid], former);
  go_on(tid);
}

void PtraceEngine::take_exit(TracedThread& thread) {
  report_exit(thread, message_of(thread.tid));
  go_on(thread.tid);
}

void PtraceEngine::take_signal(TracedThread& thread, int signal) {
  siginfo_t info{};
  if (::ptrace(PTRACE_GETSIGINFO, thread.tid, nullptr, &info) == 0 && !is_ignored(thread.tid, signal))
    records_.signal(thread, info);
  go_on(thread.tid, signal);
}

void PtraceEngine::report_sleepers() {
  const std::uint64_t now = monotonic_now();
  for (auto& [tid, thread] : threads_) {
    const bool waits = thread.in_call && !thread.entered && thread.begin != 0;
    if (waits && now - thread.begin > kSleeps) records_.sleep(thread);
  }
}

std::uint64_t PtraceEngine::complete_until(std::uint64_t now) const {
  for (const auto& [tid, thread] : threads_)
    if (thread.in_call && !thread.entered && thread.begin != 0) now = std::min(now, thread.begin);
  return now;
}

std::optional<int> PtraceEngine::wait_status(pid_t child) {
  const auto found = ended_.find(child);
  return found == ended_.end() ? std::nullopt : std::optional(found->second);
}

// What the threads do now is no longer reported, and they are let go when this process ends.
void PtraceEngine::detach() {
  has_detached_ = true;
}

}  // namespace slurper
