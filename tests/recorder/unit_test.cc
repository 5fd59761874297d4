// The processes of a unit of systemd: --unit. Their cgroups are made by hand, as systemd makes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "recorder/recording.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Where this machine's cgroups are mounted, of a hierarchy in which systemd keeps units.
std::string cgroup_mount() {
  std::ifstream mounts("/proc/self/mounts");
  std::string found;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device;
    std::string folder;
    std::string type;
    std::string options;
    words >> device >> folder >> type >> options;
    if (type == "cgroup2" || (type == "cgroup" && options.contains("name=systemd"))) found = folder;
  }
  return found;
}

class Unit : public RecorderSite {
 protected:
  explicit Unit(std::string engine) : RecorderSite(std::move(engine)) {}
  void SetUp() override {
    RecorderSite::SetUp();
    if (!IsSkipped()) start_unit();
  }
  void TearDown() override { stop_unit(); }

  void start_unit() const { std::filesystem::create_directories(service_); }
  // Its cgroup goes with its last process.
  void stop_unit() const {
    std::error_code ignored;
    (void)eventually(
        [&] { return std::filesystem::remove(service_, ignored) || !std::filesystem::exists(service_); });
    std::filesystem::remove(slice_, ignored);
  }
  void move_in(pid_t pid) const { write_file(service_ + "/cgroup.procs", std::to_string(pid)); }
  void move_out(pid_t pid) const { write_file(mount_ + "/cgroup.procs", std::to_string(pid)); }

  [[nodiscard]] std::vector<std::string> written() const {
    return sysdig(capture_, {"-p", "%proc.name %evt.arg.data", "evt.type=write and evt.dir=< and fd.num=1"});
  }

  std::string name_ = "slurper-test-" + std::to_string(::getpid());
  std::string mount_ = cgroup_mount();
  std::string slice_ = mount_ + "/" + name_ + ".slice";
  std::string service_ = slice_ + "/" + name_ + ".service";
};

class UnitOfBothEngines : public Unit, public testing::WithParamInterface<std::string> {
 protected:
  UnitOfBothEngines() : Unit(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Each, UnitOfBothEngines, testing::Values("bpf", "ptrace"),
                         [](const auto& engine) { return engine.param; });

TEST_P(UnitOfBothEngines, ShowsTheProcessesThatAUnitHasAndTheirChildren) {
  Pipe in;
  const Pipe out;
  Child inside({.argv = {"sh", "-c", "read x; echo inside; sh -c 'echo child; true'"}, .env = {}},
               in.read_end.get(), out.write_end.get());
  Child outside({.argv = {"sh", "-c", "read x; echo outside"}, .env = {}}, in.read_end.get(),
                out.write_end.get());
  move_in(inside.pid());
  Child recording(recorder({"-w", capture_, "--unit", name_}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(in.write_end.get(), "1\n2\n", 4), 4);
  ASSERT_TRUE(inside.exits_with(0));
  ASSERT_TRUE(outside.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  EXPECT_THAT(written(), Contains("sh inside."));
  EXPECT_THAT(written(), Contains("sh child."));
  EXPECT_THAT(written(), Not(Contains("sh outside.")));
}

class UnitOfBpf : public Unit {
 protected:
  UnitOfBpf() : Unit("bpf") {}
};

// As with `systemctl restart`: the old cgroup goes, and another one has its name.
TEST_F(UnitOfBpf, FollowsAUnitThroughItsRestartsAndThoseWhoLeaveIt) {
  Child recording(recorder({"-w", capture_, "--unit", name_ + ".service"}));
  ASSERT_TRUE(eventually([&] { return recording.err().contains("has no processes now"); }));
  ASSERT_TRUE(attached());
  for (const char* const round : {"one", "two"}) {
    Pipe in;
    const Pipe out;
    const std::string script =
        "echo before-" + std::string(round) + "; read x; echo in-" + round + "; read x; echo after-" + round;
    Child process({.argv = {"sh", "-c", script}, .env = {}}, in.read_end.get(), out.write_end.get());
    std::string said(20, ' ');
    start_unit();
    ASSERT_GT(::read(out.read_end.get(), said.data(), said.size()), 0);
    move_in(process.pid());
    ASSERT_EQ(::write(in.write_end.get(), "\n", 1), 1);
    ASSERT_GT(::read(out.read_end.get(), said.data(), said.size()), 0);
    move_out(process.pid());
    ASSERT_EQ(::write(in.write_end.get(), "\n", 1), 1);
    ASSERT_TRUE(process.exits_with(0));
    stop_unit();
    ASSERT_FALSE(std::filesystem::exists(service_));
  }
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const auto lines = written();
  for (const char* const round : {"one", "two"}) {
    EXPECT_THAT(lines, Contains(std::string("sh in-") + round + "."));
    EXPECT_THAT(lines, Not(Contains(HasSubstr(std::string("before-") + round))));
    EXPECT_THAT(lines, Not(Contains(HasSubstr(std::string("after-") + round))));
  }
}

// As newer ones of systemd start a service: it is never moved.
TEST_F(UnitOfBpf, SeesWhatIsBornInItAndNotWhatIsBornOutside) {
  if (!std::filesystem::exists(mount_ + "/cgroup.controllers")) GTEST_SKIP() << "cgroups of version 2 only";
  Child recording(recorder({"-w", capture_, "--unit", name_}));
  ASSERT_TRUE(eventually([&] { return recording.err().contains("has no processes now"); }));
  ASSERT_TRUE(attached());
  Child born({.argv = traced({"fork-into", service_}), .env = {}});
  ASSERT_TRUE(born.exits_with(0)) << born.err();
  Pipe in;
  Child inside({.argv = traced({"fork-into", mount_}), .env = {}}, in.read_end.get());
  move_in(inside.pid());
  in.write_end.reset();
  ASSERT_TRUE(inside.exits_with(0)) << inside.err();
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const auto pids_of = [&](const std::string& what) {
    return sysdig(capture_, {"-p", "%proc.ppid", "evt.type=write and evt.dir=< and evt.arg.data=" + what});
  };
  EXPECT_THAT(pids_of("child"), testing::ElementsAre(std::to_string(born.pid())));
  EXPECT_THAT(pids_of("parent"), testing::SizeIs(1)) << "of the one that was moved in";
}

// Another manager's: a user's, a container's.
TEST_F(UnitOfBpf, IsTheSystemsOwn) {
  const std::string foreign = slice_ + "/user@0.service/" + name_ + ".service";
  std::filesystem::create_directories(foreign);
  Pipe in;
  Child before({.argv = {"sh", "-c", "read x; echo foreign"}, .env = {}}, in.read_end.get());
  write_file(foreign + "/cgroup.procs", std::to_string(before.pid()));
  Child recording(recorder({"-w", capture_, "--unit", name_}));
  ASSERT_TRUE(eventually([&] { return recording.err().contains("has no processes now"); }));
  ASSERT_TRUE(attached());
  Child after({.argv = {"sh", "-c", "read x; echo foreign"}, .env = {}}, in.read_end.get());
  write_file(foreign + "/cgroup.procs", std::to_string(after.pid()));
  in.write_end.reset();
  EXPECT_TRUE(before.wait());
  EXPECT_TRUE(after.wait());
  recording.signal(SIGTERM);
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
  EXPECT_THAT(written(), testing::IsEmpty());
  for (const std::string& folder : {foreign, slice_ + "/user@0.service"})
    EXPECT_TRUE(eventually([&] { return ::rmdir(folder.c_str()) == 0; }));
}

// systemd moves a whole process, and the kernel names its first thread.
TEST_F(UnitOfBpf, WatchesAllThreadsOfAProcessThatComes) {
  Child recording(recorder({"-w", capture_, "--unit", name_}));
  ASSERT_TRUE(eventually([&] { return recording.err().contains("has no processes now"); }));
  ASSERT_TRUE(attached());
  Pipe in;
  const Pipe out;
  Child process({.argv = traced({"echo-from-thread"}), .env = {}}, in.read_end.get(), out.write_end.get());
  std::string said(20, ' ');
  ASSERT_GT(::read(out.read_end.get(), said.data(), said.size()), 0) << "the thread is there";
  move_in(process.pid());
  // It is watched when its first call shows.
  const auto shows_thread = [&] {
    if (::write(in.write_end.get(), "x", 1) != 1) return false;
    if (::read(out.read_end.get(), said.data(), said.size()) <= 0) return false;
    return std::ranges::any_of(events_of(capture_), [&](const RecordedEvent& event) {
      return event.type == kWriteEnter + 1 && event.tid != static_cast<std::uint64_t>(process.pid());
    });
  };
  EXPECT_TRUE(eventually(shows_thread));
  in.write_end.reset();
  EXPECT_TRUE(process.exits_with(0));
  recording.signal(SIGTERM);
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
}

TEST_F(UnitOfBpf, RefusesWhatIsNoUnit) {
  const Recorded recorded = record({"-w", capture_, "--unit", "a/b"});
  EXPECT_EQ(recorded.status, 64);
  EXPECT_THAT(recorded.err,
              HasSubstr("--unit takes the name of a unit of systemd, such as rsyslog, not 'a/b'"));
  EXPECT_EQ(record({"-w", capture_, "--unit", "a", "-p", "1"}).status, 64);
}

class UnitOfPtrace : public Unit {
 protected:
  UnitOfPtrace() : Unit("ptrace") {}
};

TEST_F(UnitOfPtrace, NeedsAUnitThatRuns) {
  const Recorded recorded = record({"-w", capture_, "--unit", name_});
  EXPECT_EQ(recorded.status, 66);
  EXPECT_THAT(recorded.err,
              HasSubstr(" has no processes, and without BPF, those that it starts later cannot be seen"));
}

}  // namespace
}  // namespace slurper::test
