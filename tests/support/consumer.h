// Consumer: checks a log of any length while it grows.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "support/lines.h"
#include "support/log_stream.h"

namespace slurper::test {

// Reads a growing log once, from its beginning on, and removes what it has read: a log of many gigabytes
// needs no room for them.
class Consumer {
 public:
  explicit Consumer(const LogStream& log) : log_(log) {}

  // Up to the active segment, or to the end with it.
  void consume(bool with_active) {
    const auto segments = log_.segments();
    for (const LogSegment& segment : segments) {
      if (segment.base < next_ || (segment.active && !with_active)) continue;
      ASSERT_EQ(segment.base, next_) << segment.path << " does not begin where the one before it ends";
      const auto feed = [&](std::string_view piece) { checker_.feed(piece); };
      const std::string wrong = LogStream::read_segment(segment, feed);
      // Compressed just now, and its raw file gone: next time.
      if (wrong.ends_with("cannot be opened") && !segment.active) return;
      ASSERT_EQ(wrong, "");
      next_ += segment.size;
    }
    // The newest rotated one stays: after a kill in the middle of a rotation, it shows where the active one
    // begins.
    for (std::size_t i = 0; i + 2 < segments.size(); ++i) {
      std::filesystem::remove(segments[i].path);
      std::filesystem::remove(segments[i].path.string() + ".zst");
    }
  }

  LineReport finish(std::span<const std::uint64_t> accepted) { return checker_.finish(accepted); }

 private:
  const LogStream& log_;
  LineChecker checker_;
  std::uint64_t next_ = 0;
};

}  // namespace slurper::test
