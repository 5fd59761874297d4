// Feed: a log's worth of numbered lines, and a loop that delivers them as the runner does.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "record/syslog_header.h"
#include "sink/acks.h"
#include "slurper/sink.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper::test {

class Feed {
 public:
  Feed(const LogId& log_id, int count, std::size_t filler = 0) {
    lines_.reserve(static_cast<std::size_t>(count));
    records_.reserve(static_cast<std::size_t>(count));
    const auto arrival =
        std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
    for (int i = 0; i < count; ++i) {
      lines_.push_back(
          fmt::format("<13>Nov 21 22:14:15 host prog[7]: line {:08} {}", i, std::string(filler, 'x')));
      const std::uint64_t next = end_ + lines_.back().size() + 1;
      records_.emplace_back(log_id, end_, next, lines_.back(), Part::Whole, arrival, &parse_syslog_header);
      end_ = next;
    }
  }

  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::span<const Record> all() const { return records_; }
  [[nodiscard]] std::size_t count() const { return records_.size(); }
  // Up to `max` records from `offset` on, at which one begins.
  [[nodiscard]] std::span<const Record> from(std::uint64_t offset, std::size_t max) const {
    const auto begin = std::ranges::lower_bound(records_, offset, {}, &Record::offset);
    const auto left = static_cast<std::size_t>(records_.end() - begin);
    return {begin, std::min(max, left)};
  }

  // The number of the line that a message carries, or -1.
  static int number_in(std::string_view message) {
    constexpr std::string_view kMark = "line ";
    const auto at = message.find(kMark);
    if (at == std::string_view::npos || message.size() < at + kMark.size() + 8) return -1;
    return std::stoi(std::string(message.substr(at + kMark.size(), 8)));
  }

 private:
  std::vector<std::string> lines_;
  std::vector<Record> records_;
  std::uint64_t end_ = 0;
};

// What has become of a feed at the other side.
struct Arrived {
  std::vector<int> times;  // of each line
  explicit Arrived(const Feed& feed) : times(feed.count()) {}

  void count(std::string_view message) {
    const int number = Feed::number_in(message);
    ASSERT_GE(number, 0) << message;
    ASSERT_LT(static_cast<std::size_t>(number), times.size());
    ++times[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] auto lost() const { return std::ranges::count(times, 0); }
  [[nodiscard]] int duplicates() const {
    int count = 0;
    for (const int n : times) count += std::max(n - 1, 0);
    return count;
  }
};

struct FeedRun {
  int breaks = 0;
  std::string last_error;
  bool done = false;
};

// Delivers the feed from its beginning on, and goes back to what was last acknowledged after each error,
// until all of it is. `before` gets the offset of each batch.
inline FeedRun run(
    Sink& sink, const SinkContext& context, const Feed& feed, std::size_t batch,
    const std::function<void(std::uint64_t)>& before = [](std::uint64_t) {},
    std::chrono::milliseconds deadline = kDeadline) {
  FeedRun run;
  std::uint64_t acked = 0;
  const auto failed = [&](const Error& error) {
    acked = std::max(acked, acks_of(context).acked());
    run.last_error = text_of(error);
    ++run.breaks;
    sink.close();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  for (const auto end = std::chrono::steady_clock::now() + deadline;
       std::chrono::steady_clock::now() < end;) {
    if (const auto opened = open(sink, context); !opened) {
      failed(opened.error());
      --run.breaks;  // nothing was on its way
      continue;
    }
    for (std::uint64_t next = acked;;) {
      if (next < feed.end()) {
        before(next);
        const auto records = feed.from(next, batch);
        const auto delivery = deliver(sink, context, records);
        if (!delivery) {
          failed(delivery.error());
          break;
        }
        EXPECT_GE(delivery->acked, acked);
        EXPECT_LE(delivery->acked, records.back().next_offset());
        EXPECT_TRUE(delivery->rejected.empty());
        acked = std::max(acked, delivery->acked);
        next = records.back().next_offset();
        continue;
      }
      const auto flushed = flush(sink, context);
      if (!flushed) {
        failed(flushed.error());
        break;
      }
      EXPECT_EQ(*flushed, feed.end());
      sink.close();
      run.done = true;
      return run;
    }
  }
  return run;
}

}  // namespace slurper::test
