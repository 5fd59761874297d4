// What systemd would get, and what is reported, while the log's thread stands still.
#include "service/service_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <string>

#include "log/log_thread_site.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ServiceReportTest : public LogThreadTest {
 protected:
  void SetUp() override { ::setenv("WATCHDOG_USEC", "300000", 1); }
  void TearDown() override { ::unsetenv("WATCHDOG_USEC"); }
};

// Waits in futex(2) with work to do: no disk is to blame.
TEST_F(ServiceReportTest, AThreadThatHangsIsABug) {
  std::promise<void> go_on;
  const std::shared_future<void> waits = go_on.get_future().share();
  LogThread hanging(*ring_, *writer_, *times_, settings_, messages_.listener(), [waits] { waits.wait(); });
  Alerts none([] {});
  ServiceReport report(hanging, none, messages_.listener(), [] { return Snapshot{}; });
  EventLoop loop = std::move(*EventLoop::create());
  ASSERT_TRUE(report.join(loop));
  ASSERT_TRUE(hanging.start());
  const auto take = [&](std::string_view line) {
    ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
    (void)intake_->pull(fifo_);
    hanging.notify();
  };
  hanging.ask_for_room();
  take("one\n");
  ASSERT_TRUE(test::eventually([&] { return ring_->used() == 0; }));
  take("two\n");
  const auto until = [&](const std::string& text) {
    return test::eventually([&] {
      (void)loop.wait(std::nullopt);
      report.after_round();
      return messages_.alerts().starts_with(text);
    });
  };
  EXPECT_TRUE(until("THE LOG'S THREAD HANGS: for "));
  EXPECT_THAT(messages_.text(), HasSubstr("4: the log's thread has hung for "));
  go_on.set_value();
  EXPECT_TRUE(until("all well"));
  EXPECT_TRUE(hanging.stop(10s));
}

}  // namespace
}  // namespace slurper
