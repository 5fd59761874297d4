// From the FIFO to the log nothing is allocated.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "base/event_loop.h"
#include "log/log_thread_site.h"
#include "support/allocations.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

// Memory that runs out can't hold up what needs none: from the FIFO to the log nothing is allocated.
TEST_F(LogThreadTest, TheDatasPathAllocatesNothing) {
  settings_.rotate_size = {};  // a rotation has names to make
  ASSERT_TRUE(thread_->start());
  thread_->reload(settings_);
  const UniqueFd wake_fd = make_eventfd().value();
  LogFeed::Listener listener(thread_->feed(), wake_fd.get());
  const std::string lines = numbered_lines(40'000);
  std::uint64_t end = 0;
  const auto pass_through = [&](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), lines.data(), lines.size()),
                static_cast<ssize_t>(lines.size()));
      // A mark for each, as if half a second had gone by.
      times_->mark({.offset = StreamOffset{end}, .time = std::chrono::system_clock::now()});
      while (intake_->pull(fifo_).outcome != Intake::Outcome::Empty) thread_->notify();
      end += lines.size();
      wait_for(listener, StreamOffset{end});
    }
  };
  pass_through(2);  // the first segment, the first reserve
  {
    const test::AllocationCount allocations(::gettid(), thread_->tid());
    int* volatile number = new int(0);  // volatile, or the pair of calls may be left out
    delete number;
    pass_through(2);
    const std::size_t seen = allocations.now();
    ASSERT_GT(seen, 0U) << "they are counted";
    pass_through(20);
    EXPECT_EQ(allocations.now(), seen);
  }
  EXPECT_TRUE(thread_->stop(10s));
}

}  // namespace
}  // namespace slurper
