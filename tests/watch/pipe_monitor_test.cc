#include "watch/pipe_monitor.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "support/no_descriptors.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"

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

}  // namespace
}  // namespace slurper
