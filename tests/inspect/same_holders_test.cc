// inspect, lsof, fuser and the kernel agree on who has a pipe open.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <tuple>

#include "inspect/pipe_site.h"

namespace slurper::test {
namespace {

using testing::SizeIs;

using Held = std::set<std::tuple<pid_t, int>>;

// Its fields: p for the process, f for the descriptor.
Held held_by_lsof(const std::string& fifo) {
  Child lsof({.argv = {"lsof", "-w", "-F", "pf", fifo}, .env = {}});
  EXPECT_TRUE(lsof.wait());
  Held held;
  std::istringstream lines(lsof.out());
  pid_t pid = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('p')) pid = std::stoi(line.substr(1));
    if (line.starts_with('f')) held.emplace(pid, std::stoi(line.substr(1)));
  }
  return held;
}

std::set<pid_t> processes_by_fuser(const std::string& fifo) {
  Child fuser({.argv = {"fuser", fifo}, .env = {}});
  EXPECT_TRUE(fuser.wait());
  std::set<pid_t> pids;
  std::istringstream words(fuser.out());
  for (pid_t pid = 0; words >> pid;) pids.insert(pid);
  return pids;
}

class SameHolders : public PipeSiteOfEither {
 public:
  ~SameHolders() override {
    for (const pid_t pid : children_) ::kill(pid, SIGKILL);
  }

 protected:
  // Children of one shell, each with the pipe open as its turn is; the shell has it open for both.
  std::set<pid_t> have_holders(std::size_t count) {
    shells_.push_back(shell("exec 7<>\"$1\"; for ((i = 0; i < " + std::to_string(count) +
                            "; ++i)); do case $((i % 3)) in "
                            "0) sleep 1000 5<\"$1\" 7>&- & ;; 1) sleep 1000 6>\"$1\" 7>&- & ;; "
                            "2) sleep 1000 7<>\"$1\" & ;; esac; echo $!; done; echo ready; wait"));
    std::set<pid_t> pids;
    std::istringstream lines(shells_.back().out());
    for (pid_t pid = 0; lines >> pid;) pids.insert(pid);
    EXPECT_THAT(pids, SizeIs(count));
    for (const pid_t pid : pids) EXPECT_TRUE(is_eventually(pid, "sleep"));
    for (const pid_t pid : pids) children_.push_back(pid);
    pids.insert(shells_.back().pid());
    return pids;
  }

  std::vector<Child> shells_;
  std::vector<pid_t> children_;
};
INSTANTIATE_TEST_SUITE_P(With, SameHolders, testing::Values(Facts::Bpf, Facts::Proc), name_of_facts);

// Those of processes that come and go meanwhile count in no list.
TEST_P(SameHolders, AsLsofAndFuser) {
  hold();
  const Child coming_and_going = shell("echo ready; while :; do (exec 9>\"$1\"; exec 8<>\"$1\"; :); done");
  std::set<pid_t> steady = {::getpid()};
  std::size_t holders = 0;
  for (const std::size_t count : {1U, 9U, 40U, 150U}) {
    steady.merge(have_holders(count));
    holders = steady.size();
    const auto only_steady = [&](Held held) {
      std::erase_if(held, [&](const auto& one) { return !steady.contains(std::get<0>(one)); });
      return held;
    };
    Held held;
    std::set<pid_t> pids;
    const PipeFacts facts = look();
    for (const PipeHolder& one : facts.holders) held.emplace(one.open.process.pid, one.open.fd);
    for (const auto& [pid, fd] : only_steady(held)) pids.insert(pid);
    EXPECT_EQ(pids, steady);
    EXPECT_EQ(only_steady(held), only_steady(held_by_lsof(fifo_)));
    std::set<pid_t> by_fuser = processes_by_fuser(fifo_);
    std::erase_if(by_fuser, [&](pid_t pid) { return !steady.contains(pid); });
    EXPECT_EQ(by_fuser, steady);
    EXPECT_EQ(facts.unfound_readers() + facts.unfound_writers(), 0U) << "they come and go, they are not lost";
  }
  EXPECT_GE(holders, 200U);
}

// Each open file once, however many processes have inherited it.
TEST_P(SameHolders, AsTheKernelCountsThem) {
  (void)have_holders(30);
  const PipeFacts facts = look();
  std::set<std::size_t> reading;
  std::set<std::size_t> writing;
  for (const PipeHolder& one : facts.holders) {
    EXPECT_NE(one.open_file, 0U);
    if (one.open.access != Access::Write) reading.insert(one.open_file);
    if (one.open.access != Access::Read) writing.insert(one.open_file);
  }
  EXPECT_EQ(reading.size(), 21U) << "the shell, ten for reading and ten for both";
  EXPECT_EQ(writing.size(), 21U);
  ASSERT_EQ(facts.kernel.has_value(), is_by_bpf());
  if (!facts.kernel) return;
  EXPECT_EQ(facts.kernel->readers, reading.size());
  EXPECT_EQ(facts.kernel->writers, writing.size());
}

// A holder in a PID namespace of its own has another pid there; in a user namespace, it is root there.
TEST_P(SameHolders, InNamespacesOfTheirOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make the namespaces";
  hold();
  const std::string open = "exec 7<>\"$1\"; echo ready; exec sleep 1000";
  const Child in_pid_namespace(
      {.argv = {"unshare", "--pid", "--fork", "--kill-child", "bash", "-c", open, "bash", fifo_}, .env = {}});
  const Child in_user_namespace(
      {.argv = {"unshare", "--user", "--map-root-user", "bash", "-c", open, "bash", fifo_}, .env = {}});
  ASSERT_TRUE(eventually([&] { return in_pid_namespace.out() == "ready\n"; })) << in_pid_namespace.err();
  ASSERT_TRUE(eventually([&] { return in_user_namespace.out() == "ready\n"; })) << in_user_namespace.err();
  Held held;
  for (const PipeHolder& one : look().holders) held.emplace(one.open.process.pid, one.open.fd);
  EXPECT_THAT(held, SizeIs(3));
  EXPECT_TRUE(held.contains({in_user_namespace.pid(), 7}));
  EXPECT_EQ(held, held_by_lsof(fifo_));
}

}  // namespace
}  // namespace slurper::test
