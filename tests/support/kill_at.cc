#include "support/kill_at.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

namespace slurper::test {

namespace {

constexpr int kSyscallStop = SIGTRAP | 0x80;  // as PTRACE_O_TRACESYSGOOD marks it
constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                          PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

// glibc's ptrace() wants an enum of its own and pointers for everything.
long trace_call(__ptrace_request request, pid_t tid, std::uintptr_t address = 0, std::uintptr_t data = 0) {
  return ::ptrace(request, tid, address, data);
}

int event_of(int status) {
  return status >> 16;
}

// With SIGKILL on its way every request fails with ESRCH; the next wait tells.
void go_on(__ptrace_request how, pid_t tid, int signal) {
  (void)trace_call(how, tid, 0, static_cast<std::uintptr_t>(signal));
}

// Waits for a stop or the end of a tracee or child of the calling thread alone: other threads of the test
// have children and tracees of their own. -1: there is none left.
pid_t wait_any(int& status) {
  for (;;) {
    const pid_t tid = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
    if (tid >= 0 || errno != EINTR) return tid;
  }
}

// Waits for `tid` to stop. False: it has ended, or does not stop in time.
bool wait_stop(pid_t tid, int& status) {
  while (::waitpid(tid, &status, __WALL) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFSTOPPED(status);
}

using SyscallInfo = __ptrace_syscall_info;

SyscallInfo syscall_info(pid_t tid) {
  SyscallInfo info{};
  (void)trace_call(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, reinterpret_cast<std::uintptr_t>(&info));
  return info;
}

// Those that a reader of a test's output should not have to look up.
std::string syscall_name(long number) {
  struct Name {
    long number;
    const char* name;
  };
#define SLURPER_NAME(call) \
  Name {                   \
    SYS_##call, #call      \
  }
  static constexpr std::array kNames = {
      SLURPER_NAME(read),           SLURPER_NAME(write),
      SLURPER_NAME(pread64),        SLURPER_NAME(pwrite64),
      SLURPER_NAME(openat),         SLURPER_NAME(close),
      SLURPER_NAME(ioctl),          SLURPER_NAME(tee),
      SLURPER_NAME(mmap),           SLURPER_NAME(munmap),
      SLURPER_NAME(madvise),        SLURPER_NAME(mprotect),
      SLURPER_NAME(fsync),          SLURPER_NAME(fdatasync),
      SLURPER_NAME(ftruncate),      SLURPER_NAME(fallocate),
      SLURPER_NAME(renameat2),      SLURPER_NAME(unlinkat),
      SLURPER_NAME(newfstatat),     SLURPER_NAME(flock),
      SLURPER_NAME(fcntl),          SLURPER_NAME(futex),
      SLURPER_NAME(epoll_wait),     SLURPER_NAME(epoll_pwait2),
      SLURPER_NAME(epoll_ctl),      SLURPER_NAME(clock_nanosleep),
      SLURPER_NAME(clone3),         SLURPER_NAME(exit_group),
      SLURPER_NAME(exit),           SLURPER_NAME(brk),
      SLURPER_NAME(getrandom),      SLURPER_NAME(writev),
      SLURPER_NAME(rt_sigprocmask), SLURPER_NAME(getdents64),
      SLURPER_NAME(fstat),          SLURPER_NAME(rename),
      SLURPER_NAME(unlink),         SLURPER_NAME(sendto),
      SLURPER_NAME(poll),           SLURPER_NAME(signalfd4),
      SLURPER_NAME(splice),         SLURPER_NAME(mlock),
  };
#undef SLURPER_NAME
  for (const Name& known : kNames) {
    if (known.number == number) return known.name;
  }
  return fmt::format("system call {}", number);
}

}  // namespace

TracedChild::TracedChild(const Program& program, const KillPlan& plan)
    : tracer_([this, program, plan] { trace(program, plan); }) {}

TracedChild::~TracedChild() {
  signal(SIGKILL);
  if (tracer_.joinable()) tracer_.join();
}

void TracedChild::signal(int number) const {
  if (!eventually([&] { return pid_ > 0 || !running_; })) return;
  if (running_) ::kill(pid_, number);
}

const TraceOutcome& TracedChild::wait(std::chrono::milliseconds deadline) {
  if (!eventually([&] { return !running_; }, deadline)) signal(SIGKILL);
  if (tracer_.joinable()) tracer_.join();
  return outcome_;
}

void TracedChild::trace(const Program& program, const KillPlan& plan) {
  std::array<int, 2> gate{};
  if (::pipe2(gate.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  const UniqueFd gate_read_fd(gate[0]);
  UniqueFd gate_write_fd(gate[1]);
  Program traced = program;
  // The leak checker can't work in a process that is traced, and calls that an error.
  traced.env.emplace_back("ASAN_OPTIONS=detect_leaks=0");
  const pid_t pid = fork_exec(traced, {.err = stderr_.get()}, gate_read_fd.get());
  // The child's own copy of the write end keeps the gate shut against EOF: it takes a byte.
  (void)trace_call(PTRACE_SEIZE, pid, 0, kOptions);
  (void)!::write(gate_write_fd.get(), "", 1);
  pid_ = pid;

  // Until its exec the child is the test's code; PTRACE_EVENT_EXEC stops it, whatever it was let go with.
  bool counting = false;
  for (int status = 0;;) {
    const pid_t tid = wait_any(status);
    if (tid < 0) break;
    if (!WIFSTOPPED(status)) {
      if (tid == pid) outcome_.status = status;
      continue;
    }
    const int signal = WSTOPSIG(status);
    if (event_of(status) == PTRACE_EVENT_EXEC) counting = true;
    if (event_of(status) != 0) {  // a new thread's first stop, or its creator's
      go_on(PTRACE_SYSCALL, tid, 0);
    } else if (signal != kSyscallStop) {
      go_on(PTRACE_SYSCALL, tid, signal);
    } else {
      const SyscallInfo info = syscall_info(tid);
      const bool entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
      // An exit says no number; the thread has it in a register still.
      long number = entry ? static_cast<long>(info.entry.nr) : -1;
#if defined(__x86_64__)
      if (!entry) number = trace_call(PTRACE_PEEKUSER, tid, offsetof(user_regs_struct, orig_rax));
#endif
      const bool counts =
          counting && (!plan.syscall || *plan.syscall == number) && (!plan.main_thread_only || tid == pid);
      if (counts && ++outcome_.stops == plan.stop) {
        outcome_.killed = true;
        outcome_.where = fmt::format("{} of {}, {}", entry ? "entry" : "exit", syscall_name(number),
                                     tid == pid ? "main thread" : "another thread");
        ::kill(pid, SIGKILL);
      }
      go_on(PTRACE_SYSCALL, tid, 0);
    }
  }
  running_ = false;
}

#if defined(__x86_64__)

namespace {

// Keeps tracer and tracee on one processor: each step is two switches between them, many times cheaper there.
class OneProcessor {
 public:
  explicit OneProcessor(pid_t tracee) {
    (void)::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
    (void)::sched_setaffinity(0, sizeof here, &here);  // not possible: slow, that is all
    (void)::sched_setaffinity(tracee, sizeof here, &here);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  ~OneProcessor() { (void)::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

user_regs_struct registers(pid_t tid) {
  user_regs_struct regs{};
  (void)trace_call(PTRACE_GETREGS, tid, 0, reinterpret_cast<std::uintptr_t>(&regs));
  return regs;
}

bool at_syscall_instruction(pid_t tid) {
  constexpr long kSyscallInstruction = 0x050f;
  const long at = trace_call(PTRACE_PEEKUSER, tid, offsetof(user_regs_struct, rip));
  return (trace_call(PTRACE_PEEKTEXT, tid, static_cast<std::uintptr_t>(at)) & 0xffff) == kSyscallInstruction;
}

bool step(pid_t tid) {
  int status = 0;
  go_on(PTRACE_SINGLESTEP, tid, 0);
  return wait_stop(tid, status) && WSTOPSIG(status) == SIGTRAP;
}

// Whether the call that `tid` is at the exit of is an ioctl(FIONREAD) that reports bytes.
bool reported_bytes(pid_t tid) {
  const user_regs_struct regs = registers(tid);
  if (regs.orig_rax != SYS_ioctl || regs.rsi != FIONREAD || regs.rax != 0) return false;
  return static_cast<int>(trace_call(PTRACE_PEEKDATA, tid, regs.rdx)) > 0;
}

bool run_to_fionread(pid_t pid) {
  for (bool entered = false;;) {
    int status = 0;
    go_on(PTRACE_SYSCALL, pid, 0);
    if (!wait_stop(pid, status)) return false;
    if (WSTOPSIG(status) != kSyscallStop) continue;
    entered = syscall_info(pid).op == PTRACE_SYSCALL_INFO_ENTRY;
    if (!entered && reported_bytes(pid)) return true;
  }
}

}  // namespace

StepOutcome step_and_kill(pid_t pid, std::uint64_t instructions, const std::function<void()>& armed) {
  StepOutcome outcome;
  int status = 0;
  const auto let_go = [&](const char* error = "") {
    outcome.error = error;
    (void)trace_call(PTRACE_DETACH, pid);
    return outcome;
  };
  if (trace_call(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
    return let_go("PTRACE_SEIZE");
  if (trace_call(PTRACE_INTERRUPT, pid) != 0 || !wait_stop(pid, status)) return let_go("PTRACE_INTERRUPT");
  const OneProcessor together(pid);
  armed();
  if (!run_to_fionread(pid)) return let_go("no FIONREAD that reports bytes");

  const auto pipe_fd = registers(pid).rdi;
  bool has_read = false;
  for (; outcome.instructions < instructions; ++outcome.instructions) {
    if (at_syscall_instruction(pid)) {
      if (has_read) return let_go();
      const user_regs_struct regs = registers(pid);
      has_read = (regs.rax == SYS_read || regs.rax == SYS_splice) && regs.rdi == pipe_fd;
    }
    if (!step(pid)) return let_go("PTRACE_SINGLESTEP");
  }
  outcome.killed = true;
  ::kill(pid, SIGKILL);
  return outcome;
}

#else

StepOutcome step_and_kill(pid_t, std::uint64_t, const std::function<void()>&) {
  return {.error = "not written for this processor"};
}

#endif

namespace {

// Whether the stopped thread was in a system call in which it can hold no lock that another one waits for:
// not in the midst of an allocation, nor of a message to standard error.
bool holds_no_lock(pid_t pid, pid_t tid) {
  constexpr std::array kCalls = {SYS_futex,     SYS_write,      SYS_pwrite64,        SYS_pwritev2,
                                 SYS_fdatasync, SYS_read,       SYS_pread64,         SYS_poll,
                                 SYS_ppoll,     SYS_epoll_wait, SYS_clock_nanosleep, SYS_nanosleep};
  std::ifstream file(fmt::format("/proc/{}/task/{}/syscall", pid, tid));
  std::string call;
  std::string fd;
  if (!(file >> call >> fd)) return false;
  return std::ranges::any_of(kCalls, [&](long number) { return call == std::to_string(number); }) &&
         (call != std::to_string(SYS_write) || fd != "0x2");
}

}  // namespace

StalledThreads::StalledThreads(pid_t pid) {
  // A thread that ends while the folder is read makes readdir(3) pass over another one: read it until no new
  // one shows.
  while (hold_more(pid)) {
  }
}

bool StalledThreads::hold_more(pid_t pid) {
  const std::size_t before = held_.size();
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    const pid_t tid = std::stoi(entry.path().filename());
    if (tid != pid && std::ranges::find(held_, tid) == held_.end()) hold(pid, tid);
  }
  return held_.size() > before;
}

void StalledThreads::hold(pid_t pid, pid_t tid) {
  // What never comes to rest, a sanitizer's own thread among it, is held as it is. A thread that ends
  // meanwhile can't be held, and need not be.
  const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int status = 0;;) {
    if (trace_call(PTRACE_SEIZE, tid) != 0) return;
    if (trace_call(PTRACE_INTERRUPT, tid) != 0 || !wait_stop(tid, status)) return;
    if (holds_no_lock(pid, tid) || std::chrono::steady_clock::now() >= give_up_at) {
      held_.push_back(tid);
      return;
    }
    (void)trace_call(PTRACE_DETACH, tid);
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
}

StalledThreads::~StalledThreads() {
  for (const pid_t tid : held_) {
    // One that has been killed meanwhile is its tracer's to reap; until then its process can't be.
    if (trace_call(PTRACE_DETACH, tid) != 0) (void)::waitpid(tid, nullptr, __WALL);
  }
}

}  // namespace slurper::test
