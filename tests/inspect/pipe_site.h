// A FIFO, and real processes that have it open.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "inspect/kernel_pipes.h"
#include "inspect/pipe_facts.h"
#include "support/child.h"
#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper::test {

// Where the facts of a look are from.
enum class Facts { Bpf, Proc };

// Lets this process's looks use BPF, or not.
inline void choose_facts(Facts facts) {
  ::setenv("SLURPER_PIPES_PROGRAM", facts == Facts::Bpf ? SLURPER_PIPES_PROGRAM : "/nonexistent", 1);
}

inline bool may_use_bpf() {
  choose_facts(Facts::Bpf);
  std::optional<KernelPipes> kernel = KernelPipes::start(-1);
  return kernel && kernel->look();
}

class PipeSite : public testing::Test {
 protected:
  PipeSite() { EXPECT_EQ(::mkfifo(fifo_.c_str(), 0640), 0); }

  // Both ends, without waiting, so that the test's processes can open theirs. Held by the test itself.
  void hold() { own_fd_.reset(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)); }
  void let_go() { own_fd_.reset(); }

  // A shell that runs `script`, with the FIFO as $1, and says "ready" once it is.
  Child shell(const std::string& script) {
    Child child({.argv = {"bash", "-c", script, "bash", fifo_}, .env = {}});
    EXPECT_TRUE(eventually([&] { return child.out().contains("ready\n"); })) << child.err();
    return child;
  }
  // One that has the FIFO open as `redirection` says, and does nothing. It is a `sleep` from then on.
  Child holder(const std::string& redirection) {
    Child child = shell("exec " + redirection + "\"$1\"; echo ready; exec sleep 1000");
    EXPECT_TRUE(is_eventually(child.pid(), "sleep"));
    return child;
  }
  // Whether it runs that program in the end; a `sleep` sleeps then.
  static bool is_eventually(pid_t pid, const std::string& command) {
    const std::string comm = "/proc/" + std::to_string(pid) + "/comm";
    const bool runs = eventually([&] { return content_of(comm) == command + "\n"; });
    return runs && (command != "sleep" || sleeps_in(pid, SYS_clock_nanosleep));
  }
  // Waits until the process sleeps in that call.
  static bool sleeps_in(pid_t pid, long number) {
    const std::string call = "/proc/" + std::to_string(pid) + "/syscall";
    return eventually([&] { return content_of(call).starts_with(std::to_string(number) + " "); });
  }
  // Fills the pipe to its last slot.
  void fill() const {
    const UniqueFd fd(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    const std::string page(4096, 'x');
    while (::write(fd.get(), page.data(), page.size()) > 0) {
    }
  }

  [[nodiscard]] PipeFacts look() const {
    Result<PipeFacts> facts = look_at_pipe({.path = fifo_});
    EXPECT_TRUE(facts);
    return facts ? *std::move(facts) : PipeFacts{};
  }
  static const PipeHolder* find(const PipeFacts& facts, pid_t pid, int fd = -1) {
    const auto found = std::ranges::find_if(facts.holders, [&](const PipeHolder& one) {
      return one.open.process.pid == pid && (fd < 0 || one.open.fd == fd);
    });
    return found == facts.holders.end() ? nullptr : &*found;
  }

  TempDir folder_ = TempDir::in_ram();
  std::string fifo_ = folder_ / "fifo";
  UniqueFd own_fd_;
};

// Each of its tests runs with the facts of either source: they are the same.
class PipeSiteOfEither : public PipeSite, public testing::WithParamInterface<Facts> {
 protected:
  void SetUp() override {
    if (GetParam() == Facts::Bpf && !may_use_bpf()) GTEST_SKIP() << "BPF may not be used here";
    choose_facts(GetParam());
  }
  [[nodiscard]] static bool is_by_bpf() { return GetParam() == Facts::Bpf; }
};

inline std::string name_of_facts(const testing::TestParamInfo<Facts>& info) {
  return info.param == Facts::Bpf ? "Bpf" : "Proc";
}

}  // namespace slurper::test
