#include "bench/looked.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "bench/one_command.h"
#include "bench/surroundings.h"

namespace slurper::bench {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Processes that do nothing, each with a few descriptors: those of this one. For one thread.
class Crowd {
 public:
  Crowd() = default;
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }

  Status grow_to(std::uint64_t count) {
    while (pids_.size() < count && interrupted == 0) {
      const pid_t pid = ::fork();
      if (pid < 0) return fail_errno(errno, own_words("start a process"));
      if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) ::pause();
      }
      pids_.push_back(pid);
    }
    return {};
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

Result<Outcome> run_look(const Peer& peer, const LookPlan& plan, const Places& places) {
  const Folders folders(places);
  const Filling filling{.fifo = folders.disk() / "fifo",
                        .out = folders.disk() / "out",
                        .disk = folders.disk(),
                        .ram = folders.ram()};
  if (::mkfifo(filling.fifo.c_str(), 0600) < 0) return fail_errno(errno, own_words("make a FIFO"));
  // Before this process opens the FIFO: it shall be the only one that has.
  Crowd crowd;
  if (const Status grown = crowd.grow_to(plan.processes); !grown) return std::unexpected(grown.error());
  const UniqueFd fifo_fd(::open(filling.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fifo_fd) return fail_errno(errno, own_words("open a FIFO"));
  constexpr milliseconds kSettle(300);
  std::this_thread::sleep_for(kSettle);

  constexpr seconds kPatience(60);
  Result<Outcome> outcome = run_to_its_end(peer, filling, kPatience);
  if (!outcome || !outcome->failure.empty()) return outcome;
  std::ifstream out(filling.out);
  const std::string said{std::istreambuf_iterator<char>(out), {}};
  if (!said.contains(fmt::format("{}", ::getpid()))) outcome->failure = "it did not find the process";
  return outcome;
}

}  // namespace slurper::bench
