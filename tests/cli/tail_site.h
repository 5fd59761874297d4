// A log whose lines came when a test says so: the times are written by the test, and not by a clock.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/program.h"
#include "filter/literal.h"
#include "log/compress.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "log/time_index.h"
#include "support/text_of.h"

namespace slurper::test {

// "2026-11-30T12:00Z"
inline Timestamp utc(std::string_view text) {
  return Timestamp(std::chrono::nanoseconds(parse_time(text).value()));
}

class TailSite : public testing::Test {
 protected:
  void SetUp() override { begin(Uuid{1}); }

  // Opens the log in this boot, as after a crash.
  void begin(const Uuid& boot) {
    writer_.reset();
    LogSettings settings;
    settings.path = paths_.active();
    settings.mode = 0644;
    auto writer = LogWriter::open(kernel(), settings, boot);
    ASSERT_TRUE(writer) << text_of(writer.error());
    writer_ = std::move(*writer);
    if (!times_) times_ = TimeIndex::open(kernel(), paths_, writer_->log_ids(), writer_->access(), {});
  }
  // `lines` came at `time`, and no time is noted for them if it is empty.
  void add(std::string_view lines, std::string_view time) {
    if (!time.empty()) {
      last_ = utc(time);
      times_->mark({.offset = writer_->end(), .time = last_});
      times_->write();
    }
    const auto written = writer_->append(lines);
    ASSERT_TRUE(written) << text_of(written.error());
    ASSERT_EQ(*written, lines.size());
    set_last_write(last_);
  }
  // Of the active segment: as if it had been written then.
  void set_last_write(Timestamp time) const {
    const auto since_epoch = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    const timespec at{.tv_sec = since_epoch.count(), .tv_nsec = 0};
    const std::array<timespec, 2> both = {at, at};
    ASSERT_EQ(::utimensat(AT_FDCWD, paths_.active().c_str(), both.data(), 0), 0);
  }
  void rotate() { ASSERT_TRUE(writer_->rotate()); }
  // Compresses every rotated segment, and returns the path of the last one.
  std::string compress() {
    const auto segments = list_segments(kernel(), paths_);
    EXPECT_TRUE(segments);
    for (const Segment& segment : *segments) {
      if (segment.compressed) continue;
      const auto done = compress_segment(kernel(), paths_, segment, std::stop_token());
      EXPECT_TRUE(done && *done);
    }
    return paths_.compressed(segments->back().base);
  }
  [[nodiscard]] std::uint64_t end() const { return writer_->end().value; }

  Outcome tail(std::vector<std::string> arguments, const How& how = {}) const {
    arguments.insert(arguments.begin(), {"tail", paths_.active(), "--no-follow"});
    return run_slurper(arguments, how);
  }
  // What it prints; nothing may be wrong.
  std::string shown(const std::vector<std::string>& arguments) const {
    const Outcome outcome = tail(arguments);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }

  TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<TimeIndex> times_;
  Timestamp last_{};
};

}  // namespace slurper::test
