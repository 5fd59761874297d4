// What a sink reports, on any thread, on its way to the runner.
#include "sink/ack_queue.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>

#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "record/syslog_header.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

class AckQueueTest : public testing::Test {
 protected:
  AckQueueTest() {
    RecordBatch batch;
    for (std::uint64_t i = 0; i < kRecords; ++i)
      batch.records.emplace_back(log_, i, i + 1, "x", Part::Whole, Timestamp{}, &parse_syslog_header);
    (void)window_.add(std::move(batch));
  }
  bool has_woken() {
    eventfd_t count = 0;
    return ::eventfd_read(wake_fd_.get(), &count) == 0;
  }
  // How many records are settled at the window's front; it removes them.
  std::size_t settled() {
    std::size_t count = 0;
    while (const auto run = window_.front()) {
      count += run->records;
      window_.pop(*run);
    }
    return count;
  }

  static constexpr std::uint64_t kRecords = 1000;
  const LogId log_{};
  const UniqueFd wake_fd_ = make_eventfd().value();
  DeliveryWindow window_{[](const RecordBatch&) {}};
  AckQueue acks_{wake_fd_.get()};
};

TEST_F(AckQueueTest, OnTheRunnersOwnThreadNothingIsWoken) {
  acks_.up_to(5);
  acks_.one(7);
  acks_.reject(5, own_words("bad"));
  EXPECT_FALSE(has_woken());
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), 6);
  acks_.one(6);
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), 2);
}

TEST_F(AckQueueTest, FromAnotherThreadOneWakeUpIsEnough) {
  std::thread([&] {
    for (std::uint64_t offset = 0; offset < kRecords; ++offset) acks_.one(offset);
  }).join();
  EXPECT_TRUE(has_woken());
  EXPECT_FALSE(has_woken());
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), kRecords);
  std::thread([&] { acks_.one(0); }).join();
  EXPECT_TRUE(has_woken()) << "the next report after that wakes again";
}

// A record that was refused before everything up to it was acknowledged stays refused.
TEST_F(AckQueueTest, ARefusalComesBeforeWhatCoversIt) {
  acks_.reject(2, own_words("bad"));
  acks_.up_to(4);
  EXPECT_TRUE(acks_.take(window_));
  int refused = 0;
  while (const auto run = window_.front()) {
    refused += run->refused != nullptr ? 1 : 0;
    window_.pop(*run);
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(window_.begin(), StreamOffset{4});
}

// Once, about what was in flight then.
TEST_F(AckQueueTest, WhatIsDeliveredLaterIsNotAcknowledgedByIt) {
  acks_.up_to(2 * kRecords);
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), kRecords);
  RecordBatch more;
  for (std::uint64_t i = kRecords; i < 2 * kRecords; ++i)
    more.records.emplace_back(log_, i, i + 1, "x", Part::Whole, Timestamp{}, &parse_syslog_header);
  (void)window_.add(std::move(more));
  acks_.one(0);
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), 0);
}

TEST_F(AckQueueTest, TheFirstFailureIsReportedAndWhatWasAcknowledgedCounts) {
  acks_.up_to(3);
  acks_.fail({.kind = ErrorKind::Io, .what = own_words("send"), .why = own_words("it broke")});
  acks_.fail({.kind = ErrorKind::Io, .what = own_words("send"), .why = own_words("it is still broken")});
  const Status taken = acks_.take(window_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(text_of(taken.error()), "cannot send: it broke");
  EXPECT_EQ(settled(), 3);
}

TEST_F(AckQueueTest, AfterDetachNothingHasAnEffect) {
  acks_.detach();
  std::thread([&] {
    acks_.up_to(kRecords);
    acks_.fail({.kind = ErrorKind::Io, .what = own_words("send"), .why = own_words("it broke")});
  }).join();
  EXPECT_FALSE(has_woken());
  EXPECT_TRUE(acks_.take(window_));
  EXPECT_EQ(settled(), 0);
}

// Each record once, by whichever thread comes first.
TEST_F(AckQueueTest, ManyThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (std::uint64_t first = 0; first < 4; ++first) {
    threads.emplace_back([this, first] {
      for (std::uint64_t offset = first; offset < kRecords; offset += 4) acks_.one(offset);
    });
  }
  std::uint64_t count = 0;
  while (count < kRecords) {
    EXPECT_TRUE(acks_.take(window_));
    count += static_cast<std::uint64_t>(settled());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(window_.empty());
}

}  // namespace
}  // namespace slurper
