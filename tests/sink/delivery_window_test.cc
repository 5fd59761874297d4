// The records in flight, and what becomes of them in any order.
#include "sink/delivery_window.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "record/syslog_header.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kLine = 10;  // bytes of the log that each record takes

class DeliveryWindowTest : public testing::Test {
 protected:
  // Adds a batch of these records.
  void add(const std::vector<Trace>& places) {
    const std::uint64_t begin = places.front().begin;
    end_ = places.back().end;
    RecordBatch batch{.records = {}, .bytes = std::make_shared<std::vector<char>>(end_ - begin, 'x')};
    for (const auto& [from, to, ends] : places) {
      batch.records.emplace_back(log_, from, to,
                                 std::string_view(batch.bytes->data() + (from - begin), to - from - 1),
                                 ends ? Part::Whole : Part::First, Timestamp{}, &parse_syslog_header);
    }
    in_flight_.insert(in_flight_.end(), places.begin(), places.end());
    (void)window_.add(std::move(batch));
  }
  // Adds a batch of `count` records of kLine bytes, which follows those before.
  void add(std::uint64_t count) {
    std::vector<Trace> places;
    for (std::uint64_t at = end_; places.size() < count; at += kLine)
      places.push_back({.begin = at, .end = at + kLine, .ends_a_line = true});
    add(places);
  }
  void clear() {
    window_.clear();
    in_flight_.clear();
    end_ = 0;  // the records come again
  }
  // Removes what is settled: the offsets, with "!" behind that of a record that was refused.
  std::vector<std::string> settle() {
    std::vector<std::string> settled;
    while (const auto run = window_.front()) {
      EXPECT_EQ(window_.begin(), StreamOffset{in_flight_.front().begin});
      std::uint64_t bytes = 0;
      std::optional<StreamOffset> line_end;
      Trace last{};
      for (std::size_t i = 0; i < run->records; ++i) {
        last = in_flight_.front();
        in_flight_.pop_front();
        bytes += last.end - last.begin;
        if (last.ends_a_line) line_end = StreamOffset{last.end};
        settled.push_back(fmt::format("{}{}", last.begin, run->refused == nullptr ? "" : "!"));
      }
      EXPECT_EQ(run->end, StreamOffset{last.end});
      EXPECT_EQ(run->bytes, bytes);
      EXPECT_EQ(run->line_end, line_end);
      if (run->refused != nullptr) {
        EXPECT_EQ(run->records, 1U);
        EXPECT_EQ(run->refused->offset(), last.begin);
        EXPECT_EQ(run->refused->raw(), std::string(bytes - 1, 'x'));
        reasons_.push_back(text_of(*run->reason));
      }
      window_.pop(*run);
    }
    return settled;
  }

  const LogId log_{};
  std::uint64_t end_ = 0;
  std::deque<Trace> in_flight_;
  int recycled_ = 0;
  std::vector<std::string> reasons_;
  DeliveryWindow window_{[this](const RecordBatch& batch) {
    EXPECT_FALSE(batch.empty());
    ++recycled_;
  }};
};

TEST_F(DeliveryWindowTest, ARecordIsSettledInItsTurn) {
  add(3);
  EXPECT_THAT(settle(), IsEmpty());
  window_.one({10});
  window_.one({20});
  EXPECT_THAT(settle(), IsEmpty()) << "the first is in flight";
  window_.one({0});
  EXPECT_THAT(settle(), ElementsAre("0", "10", "20"));
  EXPECT_TRUE(window_.empty());
  EXPECT_EQ(recycled_, 1);
}

TEST_F(DeliveryWindowTest, UpToCoversWhatWasDeliveredAndNothingLater) {
  add(2);
  window_.up_to({1000});
  add(1);
  EXPECT_THAT(settle(), ElementsAre("0", "10")) << "the third was not there yet";
  window_.up_to({25});
  EXPECT_THAT(settle(), IsEmpty()) << "25 is inside it";
  window_.up_to({30});
  EXPECT_THAT(settle(), ElementsAre("20"));
}

TEST_F(DeliveryWindowTest, WhatIsNotInFlightIsIgnored) {
  window_.up_to({50});
  window_.one({0});
  window_.reject({0}, own_words("bad"));
  window_.release({50});
  add(2);
  window_.one({5});
  window_.one({20});
  window_.reject({15}, own_words("bad"));
  EXPECT_THAT(settle(), IsEmpty());
  window_.up_to({10});
  EXPECT_THAT(settle(), ElementsAre("0"));
  window_.one({0});
  window_.reject({0}, own_words("bad"));
  window_.up_to({5});
  EXPECT_THAT(settle(), IsEmpty());
  EXPECT_EQ(window_.records(), 1U);
}

TEST_F(DeliveryWindowTest, TheFirstWordAboutARecordCounts) {
  add(4);
  window_.one({0});
  window_.reject({0}, own_words("late"));
  window_.reject({10}, own_words("bad"));
  window_.reject({10}, own_words("worse"));
  window_.one({10});
  window_.up_to({40});
  window_.reject({20}, own_words("late"));
  EXPECT_THAT(settle(), ElementsAre("0", "10!", "20", "30"));
  EXPECT_THAT(reasons_, ElementsAre("bad"));
}

TEST_F(DeliveryWindowTest, ReleasesMemoryAndKeepsTheRecordsInFlight) {
  add(100);
  const std::uint64_t full = window_.size();
  EXPECT_GT(full, 100 * (kLine + sizeof(Record)));
  window_.release({500});
  EXPECT_EQ(recycled_, 0) << "half of the batch is needed";
  window_.release({1000});
  EXPECT_EQ(recycled_, 1);
  EXPECT_EQ(window_.records(), 100U);
  EXPECT_LT(window_.size(), full / 10);
  window_.reject({10}, own_words("its bytes are gone"));
  EXPECT_THAT(settle(), IsEmpty());
  window_.up_to({1000});
  EXPECT_EQ(settle().size(), 100U);
  EXPECT_EQ(window_.size(), 0U);
}

TEST_F(DeliveryWindowTest, KeepsTheBytesOfWhatWasRefused) {
  add(2);
  add(2);
  window_.reject({10}, own_words("bad"));
  window_.release({40});
  EXPECT_EQ(recycled_, 0);
  window_.up_to({20});
  EXPECT_THAT(settle(), ElementsAre("0", "10!"));
  window_.release({40});
  EXPECT_EQ(recycled_, 2);
  window_.up_to({40});
  EXPECT_THAT(settle(), ElementsAre("20", "30"));
}

// A filter may leave one record of a buffer, which then keeps all of it.
TEST_F(DeliveryWindowTest, CountsABufferThatBatchesShareOnce) {
  const auto buffer = std::make_shared<std::vector<char>>(10'000, 'x');
  for (int i = 0; i < 2; ++i, end_ += kLine) {
    RecordBatch batch{.records = {}, .bytes = buffer};
    batch.records.emplace_back(log_, end_, end_ + kLine, std::string_view(buffer->data(), kLine - 1),
                               Part::Whole, Timestamp{}, &parse_syslog_header);
    (void)window_.add(std::move(batch));
  }
  EXPECT_GE(window_.size(), 10'000U);
  EXPECT_LT(window_.size(), 20'000U);
  window_.release({kLine});
  EXPECT_GE(window_.size(), 10'000U) << "the other batch has it, too";
  window_.release({2 * kLine});
  EXPECT_LT(window_.size(), 10'000U);
}

TEST_F(DeliveryWindowTest, IsEmptyAfterClear) {
  add(2);
  add(2);
  window_.reject({0}, own_words("bad"));
  window_.up_to({20});
  clear();
  EXPECT_TRUE(window_.empty());
  EXPECT_EQ(window_.size(), 0U);
  EXPECT_EQ(recycled_, 2);
  add(1);
  EXPECT_THAT(settle(), IsEmpty());
}

// A sink that syncs once a second has a second's records in flight.
TEST_F(DeliveryWindowTest, AReleasedRecordTakesTwoBytes) {
  constexpr std::uint64_t kRecords = 10'000;
  std::vector<Trace> places;
  for (std::uint64_t at = 0; places.size() < kRecords; at += 150)
    places.push_back({.begin = at, .end = at + 150, .ends_a_line = true});
  add(places);
  window_.release({end_});
  EXPECT_LT(window_.size(), 3 * kRecords);
}

// A released batch may be settled in part, and then from its end.
TEST_F(DeliveryWindowTest, AReleasedBatchIsSettledInAnyOrder) {
  add({{.begin = 7, .end = 9, .ends_a_line = true},
       {.begin = 300, .end = 70'000, .ends_a_line = false},
       {.begin = 70'000, .end = 70'001, .ends_a_line = true},
       {.begin = 70'128, .end = 70'200, .ends_a_line = true}});
  window_.up_to({10});
  EXPECT_THAT(settle(), ElementsAre("7"));
  window_.release({end_});
  EXPECT_EQ(recycled_, 1);
  window_.one({70'128});
  window_.one({70'127});
  EXPECT_THAT(settle(), IsEmpty());
  window_.one({300});
  EXPECT_THAT(settle(), ElementsAre("300"));
  window_.one({70'000});
  EXPECT_THAT(settle(), ElementsAre("70000", "70128"));
}

// Beside a model that knows the fate of each record: any calls, in any order.
TEST_F(DeliveryWindowTest, AgreesWithAModel) {
  std::minstd_rand random(2026);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  // Sizes and gaps of one, two and three bytes each, most often the usual ones.
  const auto any_size = [&] { return below(4) == 0 ? 1 + below(100'000) : 1 + below(100); };
  const auto any_gap = [&] { return below(3) == 0 ? below(20'000) : 0; };
  for (int round = 0; round < 200; ++round) {
    clear();
    std::vector<Trace> all;
    std::vector<char> fates;          // ' ': in flight; 'a': acknowledged; 'r': refused
    std::vector<std::uint64_t> ends;  // of the batches, in records
    std::size_t released = 0;         // so many batches
    std::uint64_t next = 0;           // the record to be settled next
    for (int step = 0; step < 100; ++step) {
      const std::uint64_t at = below(fates.size() + 2);
      // The record `at` begins there; what is beyond the newest does not exist.
      const std::uint64_t offset = at < all.size() ? all[at].begin : end_ + at;
      switch (below(7)) {
        case 0:
        case 1: {
          std::vector<Trace> added;
          std::uint64_t from = end_;
          for (std::uint64_t count = 1 + below(5); added.size() < count; from = added.back().end) {
            from += any_gap();
            added.push_back({.begin = from, .end = from + any_size(), .ends_a_line = below(3) != 0});
          }
          add(added);
          all.insert(all.end(), added.begin(), added.end());
          fates.resize(all.size(), ' ');
          ends.push_back(all.size());
          break;
        }
        case 2:
          window_.one({offset});
          if (at < fates.size() && fates[at] == ' ') fates[at] = 'a';
          break;
        case 3:
          window_.reject({offset}, own_words("bad"));
          if (at < fates.size() && fates[at] == ' ' && (released == 0 || at >= ends[released - 1]))
            fates[at] = 'r';
          break;
        case 5: {
          window_.release({offset});
          for (; released < ends.size() && all[ends[released] - 1].end <= offset; ++released) {
            const std::uint64_t begin = released == 0 ? 0 : ends[released - 1];
            const auto batch = std::span(fates)
                                   .first(ends[released])
                                   .subspan(std::min(std::max(begin, next), ends[released]));
            if (std::ranges::find(batch, 'r') != batch.end()) break;
          }
          break;
        }
        case 4:
          window_.up_to({offset});
          for (std::size_t i = 0; i < all.size() && all[i].end <= offset; ++i) {
            if (fates[i] == ' ') fates[i] = 'a';
          }
          break;
        default:
          for (const std::string& settled : settle()) {
            ASSERT_LT(next, fates.size());
            EXPECT_EQ(settled, fmt::format("{}{}", all[next].begin, fates[next] == 'r' ? "!" : ""));
            EXPECT_NE(fates[next], ' ');
            ++next;
          }
          EXPECT_TRUE(next == fates.size() || fates[next] == ' ');
          EXPECT_EQ(window_.records(), fates.size() - next);
          const std::uint64_t memory = window_.size();
          EXPECT_EQ(memory == 0, window_.empty());
      }
    }
  }
}

}  // namespace
}  // namespace slurper
