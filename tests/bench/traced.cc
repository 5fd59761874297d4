#include "bench/traced.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"
#include "bench/reader.h"
#include "bench/surroundings.h"

namespace slurper::bench {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience(180);
constexpr milliseconds kInterval(2);
constexpr milliseconds kSettle(300);

double own_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// In memory that outlives fork(2).
struct CallTally {
  double cpu_seconds = 0;
  int errnum = 0;
};

// A process that waits, makes its calls, and ends. For one thread.
class Caller {
 public:
  static Result<Caller> start(const CallPlan& plan, const std::string& fifo) {
    void* const shared =
        ::mmap(nullptr, sizeof(CallTally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return fail_errno(errno, own_words("map the result of the calls"));
    std::array<int, 2> gate{};
    if (::pipe2(gate.data(), O_CLOEXEC) != 0) return fail_errno(errno, own_words("make a pipe"));
    Caller caller;
    caller.tally_ = static_cast<CallTally*>(shared);
    const UniqueFd closed(gate[0]);
    caller.gate_.reset(gate[1]);
    caller.pid_ = ::fork();
    if (caller.pid_ < 0) return fail_errno(errno, own_words("start a process"));
    if (caller.pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      caller.gate_.reset();
      run(plan, fifo, gate[0], *caller.tally_);
      ::_exit(0);
    }
    return caller;
  }
  Caller(Caller&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        tally_(std::exchange(other.tally_, nullptr)),
        gate_(std::move(other.gate_)) {}
  Caller& operator=(Caller&&) = delete;
  ~Caller() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (tally_ != nullptr) ::munmap(tally_, sizeof *tally_);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void go() { gate_.reset(); }
  [[nodiscard]] bool done() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ < 0;
  }
  [[nodiscard]] const CallTally& tally() const { return *tally_; }

 private:
  Caller() = default;

  static void run(const CallPlan& plan, const std::string& fifo, int gate_fd, CallTally& tally) {
    UniqueFd pipe_fd;
    if (plan.pipe_size > 0) {
      pipe_fd.reset(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
      if (::fcntl(pipe_fd.get(), F_SETPIPE_SZ, plan.pipe_size) < 0) tally.errnum = errno;
    }
    char byte = 0;
    (void)!::read(gate_fd, &byte, 1);  // until the gate is closed
    const double before = own_cpu_seconds();
    const std::array<char, 32> bytes{};
    const Moment start = now();
    for (std::uint64_t i = 0; i < plan.calls && tally.errnum == 0; ++i) {
      if (plan.pipe_size == 0) {
        ::getppid();
      } else if (::write(pipe_fd.get(), bytes.data(), bytes.size()) < 0) {
        tally.errnum = errno;
      }
      if (plan.rate > 0 && i % 100 == 0) {
        const Moment due =
            start + Moment(static_cast<std::int64_t>(static_cast<double>(i) * 1e6 / plan.rate));
        std::this_thread::sleep_for(due - now());
      }
    }
    tally.cpu_seconds = own_cpu_seconds() - before;
  }

  pid_t pid_ = -1;
  CallTally* tally_ = nullptr;
  UniqueFd gate_;
};

template <typename Condition>
bool wait_for(Condition condition) {
  for (const Moment end = now() + kPatience; now() < end && interrupted == 0;) {
    if (condition()) return true;
    std::this_thread::sleep_for(kInterval);
  }
  return false;
}

std::optional<double> records_lost(const fs::path& directory) {
  static const std::regex pattern("([0-9]+) records lost");
  std::ifstream file(directory / "stderr");
  std::optional<double> lost;
  std::smatch found;
  for (std::string line; std::getline(file, line);)
    if (std::regex_search(line, found, pattern)) lost = std::stod(found[1]);
  return lost;
}

}  // namespace

Result<Outcome> run_traced(const Peer& peer, const CallPlan& plan, const Places& places) {
  const Folders folders(places);
  Filling filling{.fifo = folders.disk() / "fifo",
                  .out = folders.disk() / "out",
                  .disk = folders.disk(),
                  .ram = folders.ram()};
  if (::mkfifo(filling.fifo.c_str(), 0600) < 0) return fail_errno(errno, own_words("make a FIFO"));
  auto cat = Reader::start(filled_in("cat {fifo}", filling), folders.ram().native());
  if (!cat) return std::unexpected(cat.error());
  auto caller = Caller::start(plan, filling.fifo.native());
  if (!caller) return std::unexpected(caller.error());
  filling.pid = plan.traces_another ? cat->pid() : caller->pid();

  Outcome outcome;
  std::optional<Reader> recorder;
  if (!peer.command.empty()) {
    auto started = Reader::start(filled_in(peer.command, filling), folders.disk().native());
    if (!started) return std::unexpected(started.error());
    recorder.emplace(std::move(*started));
    if (!wait_for([&] { return size_of(filling.out) > 0 || recorder->ended(); }) || recorder->ended()) {
      outcome.failure = "it never began to record" + complaint(folders.disk());
      return outcome;
    }
  }
  std::this_thread::sleep_for(kSettle);

  const double cpu_before = recorder ? recorder->cpu_seconds() : 0;
  const double busy_before = busy_seconds();
  const Moment began = now();
  caller->go();
  if (!wait_for([&] { return caller->done(); })) {
    outcome.failure = interrupted != 0 ? "interrupted" : "the calls never ended";
    return outcome;
  }
  const double elapsed = static_cast<double>((now() - began).count()) * 1e-6;
  const bool ended = !recorder || (plan.traces_another ? recorder->stop(kPatience)
                                                       : wait_for([&] { return recorder->ended(); }));
  const double busy = busy_seconds() - busy_before;
  const double recording = static_cast<double>((now() - began).count()) * 1e-6;

  const auto calls = static_cast<double>(plan.calls);
  const CallTally& tally = caller->tally();
  auto& metrics = outcome.metrics;
  metrics["call_us"] = tally.cpu_seconds / calls * 1e6;
  metrics["events_per_second"] = 2 * calls / elapsed;
  double recorder_cpu = 0;
  if (recorder) {
    recorder_cpu = recorder->whole_cpu_seconds() - cpu_before;
    metrics["recorder_cpus"] = recorder_cpu / recording;
    const auto lost = records_lost(folders.disk());
    if (lost) metrics["lost"] = *lost;
    if (!ended || !lost) outcome.failure = "it did not end as it should" + complaint(folders.disk());
  }
  metrics["noise_cpus"] = std::max(0.0, (busy - recorder_cpu - tally.cpu_seconds) / recording);
  if (tally.errnum != 0) outcome.failure = "a call: " + errno_text(tally.errnum);
  return outcome;
}

}  // namespace slurper::bench
