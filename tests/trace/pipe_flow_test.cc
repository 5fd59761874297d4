// PipeFlow against a pipe whose calls overlap at random: it is right, or it is not sure.
#include "trace/flow/pipe_flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace slurper::test {
namespace {

constexpr std::uint64_t kPage = 4096;

struct Settings {
  int writers = 2;
  int readers = 2;
  std::uint64_t capacity = 65536;
  std::uint64_t snaplen = 4095;
  bool are_tagged = true;  // no two writes have the same data
  bool are_large = false;  // some are longer than a page
  bool are_packets = false;
  bool hides_writer = false;  // the last writer is not recorded
  bool hides_reader = false;
  bool fails = false;        // reads do not wait
  std::uint64_t before = 0;  // bytes in the pipe
  std::uint64_t burst = 0;   // steps that a thread makes at most until another one takes its processor
  double loses = 0;          // the probability that events are lost
};

// A pipe, and threads that use it. Each call takes effect at one moment between its beginning and its end.
class Machine {
 public:
  Machine(const Settings& settings, unsigned seed, bool sees_all)
      : settings_(settings),
        random_(seed),
        flow_(1, "p", settings.before == 0, sees_all,
              [this](const PipeFlow&, FlowRead read) { check(read); }) {
    flow_.set_capacity(settings.capacity);
    threads_.resize(static_cast<std::size_t>(settings.writers + settings.readers));
    for (std::size_t i = 0; i < threads_.size(); ++i)
      threads_[i].is_writer = std::cmp_less(i, settings.writers);
    if (settings.before > 0) pipe_.push_back({std::string(settings.before, 'b'), -1});
  }

  void run(int steps) {
    std::array<std::size_t, 2> running{0, threads_.size() - 1};  // on each processor
    for (int i = 0; i < steps; ++i) {
      std::size_t& thread = running[pick(0, 1)];
      if (settings_.burst == 0 || pick(1, settings_.burst) == 1) thread = pick(0, threads_.size() - 1);
      step(thread);
    }
    flow_.flush(Fate::Read);
  }

  std::uint64_t sure_ = 0;
  std::uint64_t unsure_ = 0;
  std::uint64_t wrong_ = 0;
  std::string story_;  // of the first that was wrong

 private:
  enum class State { Idle, Begun, Done };
  struct Thread {
    bool is_writer = false;
    State state = State::Idle;
    PipeTransfer call;
    std::string bytes;  // to write, or read
    std::uint64_t done = 0;
    std::uint64_t phase = 0;
    std::vector<int> owners;  // of each byte that was read
    bool is_abandoned = false;
  };
  struct Chunk {
    std::string bytes;
    int owner = 0;
  };

  std::uint64_t pick(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }
  [[nodiscard]] std::uint64_t fill() const {
    std::uint64_t sum = 0;
    for (const Chunk& one : pipe_) sum += one.bytes.size();
    return sum;
  }
  [[nodiscard]] bool is_hidden(std::size_t thread) const {
    const auto last_writer = static_cast<std::size_t>(settings_.writers - 1);
    return (settings_.hides_writer && thread == last_writer) ||
           (settings_.hides_reader && thread + 1 == threads_.size());
  }

  void step(std::size_t index) {
    Thread& thread = threads_[index];
    if (settings_.loses > 0 && std::bernoulli_distribution(settings_.loses)(random_)) {
      if (losing_ == 0) flow_.begin_loss();
      losing_ = pick(1, 10);
    }
    switch (thread.state) {
      case State::Idle:
        return begin(index, thread);
      case State::Begun:
        return thread.is_writer ? write(index, thread) : read(thread);
      case State::Done:
        return end(index, thread);
    }
  }

  void begin(std::size_t index, Thread& thread) {
    if (thread.is_abandoned) flow_.abandon(static_cast<std::int64_t>(index));
    thread.is_abandoned = false;
    thread.call = {};
    thread.call.begin = thread.call.number = ++number_;
    thread.call.user = {.pid = static_cast<std::int64_t>(index), .name = "t", .fd = 1};
    thread.done = 0;
    thread.bytes.clear();
    thread.owners.clear();
    thread.state = State::Begun;
    if (thread.is_writer) {
      const std::string tag =
          settings_.are_tagged ? std::to_string(index) + ":" + std::to_string(++count_) : std::string();
      std::uint64_t size = tag.size() + 1 + pick(0, 3);
      if (settings_.are_large && pick(0, 3) == 0) size = pick(1, 3 * kPage);
      thread.bytes = tag + std::string(size > tag.size() ? size - tag.size() : 1, 'x');
      thread.bytes.back() = '\n';
      thread.call.requested = thread.bytes.size();
      thread.call.may_be_divided = thread.bytes.size() > kPage && !settings_.are_packets;
      thread.call.is_packet = settings_.are_packets;
      thread.phase = pick(0, 1) == 0 ? 0 : thread.bytes.size() % kPage;
      if (!is_hidden(index)) flow_.begin_write(static_cast<std::int64_t>(index), thread.call);
    } else {
      thread.call.requested = pick(0, 1) == 0 ? pick(1, 12) : 8192;
      thread.call.takes_all = true;
      if (!is_hidden(index)) flow_.begin_read(static_cast<std::int64_t>(index), number_);
    }
  }

  void write(std::size_t index, Thread& thread) {
    const std::uint64_t left = thread.bytes.size() - thread.done;
    if (thread.bytes.size() <= kPage) {
      if (fill() + left > settings_.capacity) return;
      pipe_.push_back({thread.bytes, static_cast<int>(index)});
      thread.done = thread.bytes.size();
    }
    while (thread.done < thread.bytes.size()) {
      std::uint64_t part = kPage - (thread.done + kPage - thread.phase) % kPage;
      part = std::min<std::uint64_t>(part, thread.bytes.size() - thread.done);
      if (fill() + part > settings_.capacity) return;
      pipe_.push_back({thread.bytes.substr(thread.done, part), static_cast<int>(index)});
      thread.done += part;
    }
    thread.state = State::Done;
  }

  void read(Thread& thread) {
    if (pipe_.empty() && !settings_.fails) return;
    while (!pipe_.empty() && thread.bytes.size() < thread.call.requested) {
      Chunk& chunk = pipe_.front();
      const std::uint64_t part = std::min(thread.call.requested - thread.bytes.size(), chunk.bytes.size());
      thread.bytes += chunk.bytes.substr(0, part);
      thread.owners.insert(thread.owners.end(), part, chunk.owner);
      chunk.bytes.erase(0, part);
      if (chunk.bytes.empty() || settings_.are_packets) pipe_.pop_front();
      if (settings_.are_packets) break;
    }
    thread.done = thread.bytes.size();
    thread.state = State::Done;
  }

  void end(std::size_t index, Thread& thread) {
    thread.state = State::Idle;
    thread.call.end = ++number_;
    if (is_hidden(index)) return;
    if (losing_ > 0) {
      const bool is_lost = pick(0, 1) == 0;
      if (--losing_ == 0) flow_.end_loss();
      if (is_lost) {
        thread.is_abandoned = true;
        return;
      }
    }
    thread.call.length = thread.done;
    thread.call.data = thread.bytes.substr(0, std::min(settings_.snaplen, thread.done));
    const auto tid = static_cast<std::int64_t>(index);
    if (thread.is_writer) return flow_.end_write(tid, thread.call);
    truth_[thread.call.end] = thread.owners;
    flow_.end_read(tid, thread.call);
  }

  void check(const FlowRead& read) {
    const std::vector<int>& owners = truth_.at(read.read.end);
    std::uint64_t position = 0;
    for (const FlowPiece& piece : read.pieces) {
      for (std::uint64_t i = 0; i < piece.length; ++i, ++position) {
        if (piece.doubt != Doubt::None) {
          ++unsure_;
        } else if (!piece.write || owners.at(position) != piece.write->user.pid) {
          if (++wrong_ == 1)
            story_ = "byte " + std::to_string(position) + " of the read that ended at " +
                     std::to_string(read.read.end) + " is of " + std::to_string(owners.at(position));
        } else {
          ++sure_;
        }
      }
    }
    EXPECT_EQ(position, read.read.length);
  }

  Settings settings_;
  std::mt19937 random_;
  std::vector<Thread> threads_;
  std::deque<Chunk> pipe_;
  std::map<std::uint64_t, std::vector<int>> truth_;
  std::uint64_t number_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t losing_ = 0;
  PipeFlow flow_;
};

struct Totals {
  std::uint64_t sure = 0;
  std::uint64_t unsure = 0;
};

Totals check(const Settings& settings, bool sees_all) {
  Totals totals;
  const char* const given = std::getenv("SLURPER_SEED");
  const unsigned first = given == nullptr ? 1 : static_cast<unsigned>(std::atoi(given));
  for (unsigned seed = first; seed < first + (given == nullptr ? 60 : 1); ++seed) {
    Machine machine(settings, seed, sees_all);
    machine.run(2000);
    EXPECT_EQ(machine.wrong_, 0U) << machine.story_ << ", SLURPER_SEED=" << seed;
    totals.sure += machine.sure_;
    totals.unsure += machine.unsure_;
  }
  EXPECT_GT(totals.sure + totals.unsure, 0U);
  return totals;
}

TEST(PipeFlow, IsSureOfEachByteIfAllIsRecorded) {
  const Totals totals = check({}, true);
  EXPECT_LT(totals.unsure, totals.sure / 100) << "the last reads of each run have no later ones";
}

// A thread may sleep in a call while thousands of others take place.
TEST(PipeFlow, IsSureOfEachByteIfThreadsSleepInCalls) {
  const Totals totals = check({.burst = 1000}, true);
  EXPECT_LT(totals.unsure, totals.sure / 2);
}

// Another one may have written the same.
TEST(PipeFlow, IsSureOfNothingIfOthersMayUseThePipe) {
  EXPECT_EQ(check({}, false).sure, 0U);
}

TEST(PipeFlow, IsSureOfEachByteOfASmallPipe) {
  const Totals totals = check({.writers = 4, .readers = 3, .capacity = 40}, true);
  EXPECT_LT(totals.unsure, totals.sure / 20);
}

TEST(PipeFlow, IsSureOfReadsThatDoNotWait) {
  const Totals totals = check({.fails = true}, true);
  EXPECT_LT(totals.unsure, totals.sure / 20);
}

TEST(PipeFlow, NeedsNoDataOfOneWriterAndOneReader) {
  for (const bool large : {false, true}) {
    const Totals totals =
        check({.writers = 1, .readers = 1, .capacity = 8192, .snaplen = 0, .are_large = large}, true);
    EXPECT_EQ(totals.unsure, 0U);
  }
}

TEST(PipeFlow, IsNotSureOfWhatWasWrittenAtOnceWithTheSameData) {
  const Totals totals = check({.are_tagged = false}, true);
  EXPECT_GT(totals.unsure, 0U);
}

TEST(PipeFlow, IsNotSureOfWhatWasNotRecorded) {
  for (const std::uint64_t snaplen : {UINT64_C(0), UINT64_C(1), UINT64_C(3)}) {
    const Totals totals = check({.snaplen = snaplen}, true);
    EXPECT_GT(totals.unsure, 0U);
  }
}

TEST(PipeFlow, IsNotSureOfLargeWritesAtOnce) {
  (void)check({.capacity = 16384, .are_large = true}, true);
  (void)check({.capacity = 16384, .snaplen = 80, .are_large = true}, true);
}

TEST(PipeFlow, FollowsPackets) {
  const Totals totals = check({.are_packets = true}, true);
  EXPECT_LT(totals.unsure, totals.sure / 20);
  (void)check({.snaplen = 2, .are_packets = true}, true);
}

TEST(PipeFlow, IsNotSureOfWhatWasInThePipeBefore) {
  const Totals totals = check({.before = 30}, true);
  EXPECT_GE(totals.unsure, 30U * 60);
  EXPECT_GT(totals.sure, totals.unsure);
  (void)check({.are_tagged = false, .before = 30}, true);
  (void)check({.snaplen = 2, .before = 30}, true);
}

TEST(PipeFlow, IsNotSureIfAnotherProcessWritesOrReads) {
  for (const bool tagged : {true, false}) {
    EXPECT_EQ(check({.are_tagged = tagged, .hides_writer = true}, false).sure, 0U);
    EXPECT_EQ(check({.are_tagged = tagged, .hides_reader = true}, false).sure, 0U);
  }
}

TEST(PipeFlow, IsNotSureOfWhatWasLost) {
  for (const bool tagged : {true, false}) {
    const Totals totals = check({.are_tagged = tagged, .loses = 0.005}, true);
    EXPECT_GT(totals.unsure, 0U);
    EXPECT_GT(totals.sure, 0U);
  }
}

}  // namespace
}  // namespace slurper::test
