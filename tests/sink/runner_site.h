// A log, and what a runner needs to deliver it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "log/log_writer.h"
#include "sink/runner.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {

class RunnerSite : public testing::Test {
 protected:
  RunnerSite() {
    settings_.path = disk_ / "messages";
    auto writer = LogWriter::open(kernel(), settings_, Uuid{1});
    if (!writer) throw std::runtime_error(test::text_of(writer.error()));
    writer_ = std::move(*writer);
    writer_->publish();
    times_ = TimeIndex::open(kernel(), writer_->paths(), writer_->log_id(), {}, {.log_end = {}, .head = {}});
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto written = writer_->append(text);
      ASSERT_TRUE(written) << test::text_of(written.error());
      text.remove_prefix(*written);
    }
    writer_->publish();
  }

  [[nodiscard]] SinkLog sink_log() const {
    return {.os = *os_,
            .paths = writer_->paths(),
            .ids = writer_->log_ids(),
            .machine = machine_,
            .access = {},
            .sync = {},
            .feed = writer_->feed(),
            .times = *times_};
  }
  std::unique_ptr<SinkRunner> make_runner(const RunnerOptions& options,
                                          std::function<Result<std::unique_ptr<Sink>>()> make) {
    PreparedSink sink{.name = "test", .type = "test", .options = options, .make = std::move(make)};
    return std::make_unique<SinkRunner>(sink_log(), std::move(sink), messages_.listener(),
                                        [](const Phrase& phrase) { return test::text_of(phrase); });
  }

  Os* os_ = &kernel();
  test::TempDir disk_;
  LogSettings settings_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<TimeIndex> times_;
  MachineId machine_{};
  test::RecordedMessages messages_;
};

}  // namespace slurper
