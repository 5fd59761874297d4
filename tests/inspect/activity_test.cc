// What a process does with a pipe, by what /proc says of its threads.
#include "inspect/activity.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <array>

namespace slurper {
namespace {

ThreadFacts thread(char state, long number, std::uint64_t first = 0, std::uint64_t third = 0) {
  return {.tid = 1,
          .state = state,
          .call = CurrentSyscall{.number = static_cast<std::uint64_t>(number),
                                 .arguments = {first, 0, third, 0, 0, 0}}};
}

Activity activity(std::vector<ThreadFacts> threads) {
  constexpr std::array kPipeFds = {3, 7};
  return activity_of(
      {.user = {}, .group = {}, .reads = {}, .read = {}, .written = {}, .threads = std::move(threads)},
      kPipeFds);
}

TEST(Activity, IsWhatTheMainThreadDoes) {
  EXPECT_EQ(text_of(activity({thread('S', SYS_clock_nanosleep)})), "asleep in clock_nanosleep(2)");
  EXPECT_EQ(text_of(activity({thread('T', SYS_clock_nanosleep)})), "stopped");
  EXPECT_EQ(text_of(activity({{.tid = 1, .state = 'R', .call = {}}})), "running");
  EXPECT_EQ(text_of(activity({{.tid = 1, .state = 'S', .call = {}}})), "asleep");
  EXPECT_EQ(text_of(activity({{.tid = 1, .state = 't', .call = {}}})), "stopped by a tracer");
  EXPECT_EQ(text_of(activity({{.tid = 1, .state = 'Z', .call = {}}})), "a zombie");
  EXPECT_EQ(text_of(activity({})), "?");
  EXPECT_EQ(
      text_of(activity_of(
          {.has_ended = true, .user = {}, .group = {}, .reads = {}, .read = {}, .written = {}, .threads = {}},
          {})),
      "gone");
}

TEST(Activity, IsThatOfTheThreadThatMovesBytes) {
  const Activity writes = activity({thread('S', SYS_poll), thread('S', SYS_write, 7)});
  EXPECT_EQ(text_of(writes), "asleep in write(2)");
  EXPECT_TRUE(writes.writes_it);
  EXPECT_FALSE(writes.reads_it);
  EXPECT_EQ(writes.fd, 7);
  const Activity reads = activity({thread('S', SYS_splice, 3, 8)});
  EXPECT_TRUE(reads.reads_it);
  EXPECT_FALSE(reads.writes_it);
  EXPECT_TRUE(activity({thread('S', SYS_splice, 8, 3)}).writes_it);
}

TEST(Activity, OnAnotherFileIsNoneOnThePipe) {
  const Activity other = activity({thread('S', SYS_write, 8)});
  EXPECT_EQ(text_of(other), "asleep in write(2)");
  EXPECT_FALSE(other.writes_it);
  EXPECT_EQ(other.fd, -1);
}

// A main thread can end before the others: then it is a zombie, and the process lives.
TEST(Activity, OfAThreadThatOutlivesTheMainThread) {
  EXPECT_EQ(text_of(activity({{.tid = 1, .state = 'Z', .call = {}}, thread('S', SYS_futex)})),
            "asleep in futex(2)");
}

}  // namespace
}  // namespace slurper
