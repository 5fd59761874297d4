#include "watch/pipe_monitor.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "support/child.h"
#include "support/no_descriptors.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace slurper {
namespace {

class PipeMonitorTest : public testing::Test {
 protected:
  PipeMonitorTest() {
    FifoSettings settings;
    settings.path = path_;
    fifo_ = std::move(*open_fifo(kernel(), settings));
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "fifo";
  Fifo fifo_;
  test::RecordedMessages messages_;
};

TEST_F(PipeMonitorTest, DoesNotStartWithoutADescriptor) {
  const auto monitor = [&] {
    const test::NoDescriptors none;
    return PipeMonitor::start(path_, fifo_, messages_.listener());
  }();
  ASSERT_FALSE(monitor);
  EXPECT_EQ(monitor.error().errnum, EMFILE);
}

// At any time of a look, which a process with many descriptors makes long.
TEST_F(PipeMonitorTest, AReaderThatLeavesDuringALookIsSeenToLeave) {
  auto monitor = PipeMonitor::start(path_, fifo_, messages_.listener());
  ASSERT_TRUE(monitor);
  for (int i = 0; i < 8; ++i) {
    test::Child reader({.argv = {"sh", "-c", "exec 7<\"$1\"; exec sleep 1000", "sh", path_}, .env = {}});
    test::Child crowd(
        {.argv = {"bash", "-c",
                  "ulimit -Sn \"$(ulimit -Hn)\"; for ((n = 0; n < 10000; n++)); do exec {fd}</dev/null "
                  "|| break; done 2>/dev/null; echo full; exec sleep 1000"},
         .env = {}});
    ASSERT_TRUE(test::eventually([&] { return crowd.out() == "full\n"; }));
    const std::string process = "(pid " + std::to_string(reader.pid()) + ")";
    ASSERT_TRUE(test::eventually([&] {
      return messages_.text().find(process + " also reads") != std::string::npos;
    })) << messages_.text();
    (*monitor)->on_short_read();  // it looks at once
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + i));
    reader.kill();
    ASSERT_TRUE(test::eventually([&] {
      const std::string said = messages_.text();
      const std::size_t left = said.find("second reader left: ");
      return left != std::string::npos &&
             said.find(process, said.rfind("second reader left: ")) != std::string::npos;
    })) << messages_.text();
  }
}

}  // namespace
}  // namespace slurper
