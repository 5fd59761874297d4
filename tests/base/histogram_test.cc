#include "base/histogram.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

namespace slurper {
namespace {

using namespace std::chrono_literals;

std::uint64_t total(const HistogramCounts& counts) {
  return std::accumulate(counts.buckets.begin(), counts.buckets.end(), std::uint64_t{0});
}

TEST(Histogram, CountsEachValueInTheBucketWhoseBoundItDoesNotExceed) {
  for (std::size_t i = 0; i < kHistogramBounds.size(); ++i) {
    Histogram histogram;
    histogram.observe(kHistogramBounds[i]);
    EXPECT_EQ(histogram.counts().buckets[i], 1U) << i;
    histogram.observe(kHistogramBounds[i] + 1ns, 5);
    EXPECT_EQ(histogram.counts().buckets[i + 1], 5U) << i;
    EXPECT_EQ(total(histogram.counts()), 6U);
  }
}

TEST(Histogram, AddsUpWhatTheyTook) {
  Histogram histogram;
  histogram.observe(1500ms, 2);
  histogram.observe(10h);
  EXPECT_DOUBLE_EQ(histogram.counts().seconds, 3 + 36000);
  EXPECT_EQ(histogram.counts().buckets.back(), 1U);
}

TEST(Histogram, TakesANegativeTimeForNone) {
  Histogram histogram;
  histogram.observe(-1s);
  EXPECT_EQ(histogram.counts().buckets.front(), 1U);
  EXPECT_EQ(histogram.counts().seconds, 0);
}

TEST(Histogram, IsReadWhileItCounts) {
  Histogram histogram;
  constexpr std::uint64_t kObservations = 200'000;
  std::jthread observer([&] {
    for (std::uint64_t i = 0; i < kObservations; ++i)
      histogram.observe(kHistogramBounds[i % kHistogramBounds.size()]);
  });
  for (std::uint64_t before = 0; before < kObservations;) {
    const std::uint64_t now = total(histogram.counts());
    ASSERT_GE(now, before) << "a counter went back";
    before = now;
  }
  EXPECT_EQ(total(histogram.counts()), kObservations);
}

}  // namespace
}  // namespace slurper
