// The facts of real pipes, which real processes have open.
#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <filesystem>
#include <set>

#include "inspect/pipe_site.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using LookAtPipe = PipeSiteOfEither;
INSTANTIATE_TEST_SUITE_P(With, LookAtPipe, testing::Values(Facts::Bpf, Facts::Proc), name_of_facts);

TEST_P(LookAtPipe, NamesEachHolderWithWhatItDoes) {
  hold();
  const Child reader = shell("exec 5<\"$1\"; echo ready; read -r -u 5 line");
  const Child writer = holder("6>");
  const Child both = holder("7<>");
  ASSERT_TRUE(sleeps_in(reader.pid(), SYS_read));
  const PipeFacts facts = look();
  EXPECT_THAT(facts.holders, SizeIs(4)) << "with this process's own";
  EXPECT_EQ(facts.kernel.has_value(), is_by_bpf());
  const PipeHolder* const reads = find(facts, reader.pid());
  const PipeHolder* const writes = find(facts, writer.pid());
  const PipeHolder* const does_both = find(facts, both.pid());
  ASSERT_TRUE(reads != nullptr && writes != nullptr && does_both != nullptr);
  EXPECT_EQ(reads->open.access, Access::Read);
  EXPECT_TRUE(reads->doing.reads_it);
  EXPECT_EQ(text_of(reads->doing), "asleep in read(2)");
  EXPECT_EQ(writes->open.access, Access::Write);
  EXPECT_EQ(text_of(writes->doing), "asleep in clock_nanosleep(2)");
  EXPECT_EQ(writes->open.flags & O_NONBLOCK, 0);
  EXPECT_EQ(does_both->open.access, Access::ReadWrite);
  EXPECT_EQ(does_both->open.fd, 7);
  const PipeHolder* const own = find(facts, ::getpid());
  ASSERT_NE(own, nullptr);
  EXPECT_NE(own->open.flags & O_NONBLOCK, 0);
  EXPECT_EQ(facts.path, fifo_);
  EXPECT_FALSE(facts.is_anonymous);
  EXPECT_EQ(facts.mode & 0777U, 0640U & ~0022U & 0777U);
  EXPECT_EQ(facts.processes.at(reads->open.process).user, ::getuid());
}

TEST_P(LookAtPipe, HasWhatItHolds) {
  hold();
  ASSERT_EQ(::write(own_fd_.get(), "abc", 3), 3);
  const PipeFacts some = look();
  ASSERT_TRUE(some.fill.fill);
  EXPECT_EQ(some.fill.fill->bytes, 3U);
  EXPECT_EQ(some.fill.fill->capacity, 65536U);
  EXPECT_EQ(some.fill.fill->slots(), 16U);
  EXPECT_EQ(some.fill.fill->has_room, true);
  EXPECT_EQ(some.fill.fill->slots_used(), is_by_bpf() ? std::optional<std::uint64_t>(1) : std::nullopt)
      << "of 1 to 15, only the kernel knows";
  fill();
  const PipeFacts full = look();
  EXPECT_EQ(full.fill.fill->has_room, false);
  EXPECT_EQ(full.stands_still, true);
}

// 2,049 bytes take a slot each: 16 of them fill the pipe, although it has room for as many bytes again.
TEST_P(LookAtPipe, IsFullIfItsSlotsAreUsed) {
  hold();
  const std::string half(2049, 'x');
  while (::write(own_fd_.get(), half.data(), half.size()) > 0) {
  }
  const PipeFacts facts = look();
  ASSERT_TRUE(facts.fill.fill);
  EXPECT_EQ(facts.fill.fill->bytes, 16U * 2049U);
  EXPECT_TRUE(facts.fill.fill->is_full());
  EXPECT_EQ(facts.fill.fill->slots_used(), 16U);
}

TEST_P(LookAtPipe, FindsAPipeByADescriptor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_fd(ends[0]);
  const UniqueFd write_fd(ends[1]);
  const Result<PipeFacts> facts = look_at_pipe({.path = {}, .pid = ::getpid(), .fd = ends[1]});
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->is_anonymous);
  EXPECT_THAT(facts->path, IsEmpty());
  EXPECT_THAT(facts->holders, SizeIs(2));
}

TEST_P(LookAtPipe, SaysWhyThereIsNone) {
  const auto text = [](const PipeTarget& target) {
    const Result<PipeFacts> facts = look_at_pipe(target);
    return facts ? "" : text_of(facts.error());
  };
  write_file(folder_ / "file", "");
  EXPECT_EQ(
      text({.path = folder_ / "file"}),
      "cannot inspect '" + (folder_ / "file") +
          "': it is a regular file, not a FIFO or a pipe. Name a FIFO by its path, or a pipe by a process "
          "and its descriptor: slurper inspect 4711:0");
  EXPECT_EQ(text({.path = folder_ / "none"}),
            "cannot inspect '" + (folder_ / "none") + "': No such file or directory");
  Child gone({.argv = {"true"}, .env = {}});
  ASSERT_TRUE(gone.exits_with(0));
  EXPECT_EQ(
      text({.path = {}, .pid = gone.pid(), .fd = 0}),
      "cannot inspect descriptor 0 of process " + std::to_string(gone.pid()) + ": there is no such process");
  EXPECT_THAT(text({.path = {}, .pid = ::getpid(), .fd = 99999}),
              testing::HasSubstr("the process does not have that descriptor open"));
}

TEST_P(LookAtPipe, KnowsWhatWasInherited) {
  hold();
  // The shell keeps its own descriptor, and its child has the same open file.
  const Child parent = shell("exec 6>\"$1\"; sleep 1000 & echo $! ready; echo ready; wait");
  const pid_t child = std::stoi(parent.out());
  ASSERT_TRUE(is_eventually(child, "sleep"));
  const Child other = holder("6>");
  const PipeFacts facts = look();
  const PipeHolder* const inherited = find(facts, child);
  const PipeHolder* const origin = find(facts, parent.pid());
  const PipeHolder* const apart = find(facts, other.pid());
  ASSERT_TRUE(inherited != nullptr && origin != nullptr && apart != nullptr);
  EXPECT_EQ(inherited->open_file, origin->open_file);
  EXPECT_NE(inherited->open_file, apart->open_file);
  EXPECT_EQ(inherited->inherited_from, origin->open.process);
  EXPECT_FALSE(origin->inherited_from);
  EXPECT_FALSE(apart->inherited_from);
  ::kill(child, SIGKILL);
}

TEST_P(LookAtPipe, FindsWhatIsLeftOfAReplacedFifo) {
  hold();
  const Child old = holder("6>");
  const Child moved = holder("6>");
  ASSERT_EQ(::unlink(fifo_.c_str()), 0);
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  const PipeFacts facts = look();
  EXPECT_THAT(facts.holders, IsEmpty());
  std::set<pid_t> of_replaced;
  for (const OpenDescriptor& one : facts.of_replaced) of_replaced.insert(one.process.pid);
  EXPECT_THAT(of_replaced, testing::UnorderedElementsAre(old.pid(), moved.pid(), ::getpid()));
}

TEST_P(LookAtPipe, NamesAProcessThatWaitsInOpen) {
  const Child reader({.argv = {"bash", "-c", "cd \"${1%/*}\"; exec 5<fifo", "bash", fifo_}, .env = {}});
  ASSERT_TRUE(sleeps_in(reader.pid(), SYS_openat));
  PipeFacts facts;
  ASSERT_TRUE(eventually([&] {
    facts = look();
    return facts.opening.size() == 1;
  }));
  EXPECT_EQ(facts.opening[0].process.pid, reader.pid());
  EXPECT_EQ(facts.opening[0].access, Access::Read);
  EXPECT_THAT(facts.holders, IsEmpty());
  EXPECT_EQ(facts.unfound_readers(), 0U) << "the open file is the one that waits";
}

// Its path does not exist here, or is another file here.
TEST_P(LookAtPipe, KnowsAHolderInAnotherMountNamespace) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a mount namespace";
  const std::string mount = folder_ / "mount";
  std::filesystem::create_directory(mount);
  ASSERT_EQ(::mkfifo((mount + "/f").c_str(), 0600), 0);
  const Child inside(
      {.argv = {"unshare", "-m", "bash", "-c",
                "mount -t tmpfs none \"$1\" && mkfifo \"$1/f\" && exec 7<>\"$1/f\" && echo ready && "
                "exec sleep 1000",
                "bash", mount},
       .env = {}});
  ASSERT_TRUE(eventually([&] { return inside.out() == "ready\n"; })) << inside.err();
  ASSERT_TRUE(is_eventually(inside.pid(), "sleep"));
  const Result<PipeFacts> here = look_at_pipe({.path = mount + "/f"});
  ASSERT_TRUE(here);
  EXPECT_THAT(here->holders, IsEmpty()) << "another file has that path there";
  EXPECT_THAT(here->of_replaced, IsEmpty());
  const Result<PipeFacts> there = look_at_pipe({.path = {}, .pid = inside.pid(), .fd = 7});
  ASSERT_TRUE(there);
  ASSERT_THAT(there->holders, SizeIs(1));
  EXPECT_EQ(there->holders[0].path, mount + "/f");
  EXPECT_TRUE(there->processes.at(there->holders[0].open.process).in_other_mounts);
  EXPECT_THAT(there->path, IsEmpty()) << "no file here";
}

TEST_P(LookAtPipe, ListsTheFifosThatAProcessHasOpen) {
  hold();
  const Child writer = holder("6>");
  const std::vector<PipeFacts> all = look_at_fifos();
  const auto found = std::ranges::find(all, fifo_, &PipeFacts::path);
  ASSERT_NE(found, all.end());
  EXPECT_THAT(found->holders, SizeIs(2));
  EXPECT_TRUE(std::ranges::none_of(all, &PipeFacts::is_anonymous));
}

}  // namespace
}  // namespace slurper::test
