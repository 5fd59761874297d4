// Readers of a log at any speed, while it is written, rotated, compressed and removed, and others have their
// hands in: what is handed out is what was written there, and nothing is missing that was not taken away.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/event_loop.h"
#include "log/housekeeper.h"
#include "log/log_files.h"
#include "log/log_reader.h"
#include "log/log_writer.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using namespace std::chrono_literals;
using Clock = LogFeed::Clock;

constexpr std::uint64_t kStream = std::uint64_t{12} << 20;
constexpr int kMaxFailures = 100;  // of the writer

// What has left the log, by whomsoever: ranges of offsets.
class Lost : public HousekeeperListener {
 public:
  void add(std::uint64_t from, std::uint64_t to) {
    const std::lock_guard lock(mutex_);
    while (from < to) {
      // Joined with what it touches.
      const auto after = ranges_.upper_bound(to);
      if (after == ranges_.begin()) break;
      const auto last = std::prev(after);
      if (last->second < from) break;
      from = std::min(from, last->first);
      to = std::max(to, last->second);
      ranges_.erase(last);
    }
    if (from < to) ranges_[from] = to;
  }
  bool has(std::uint64_t from, std::uint64_t to) const {
    const std::lock_guard lock(mutex_);
    const auto after = ranges_.upper_bound(from);
    return after != ranges_.begin() && std::prev(after)->second >= to;
  }

  void on_compressed(const Segment&, const Segment&) override { ++compressed; }
  // Retention removes the oldest first: nothing before this one's end is left. Its end is where the next one
  // begins, which the index or a name said: see note_bases().
  void on_removed_for_room(const Segment&) override {}
  void on_removed(const Segment& segment) override {
    std::uint64_t next = 0;
    {
      const std::lock_guard lock(mutex_);
      next = *bases_.upper_bound(segment.base.value);
    }
    add(segment.base.value, next);
    ++removed;
  }
  void on_leftover_removed(const std::string&) override {}
  void on_housekeeping_failed(const Error& error) override { ADD_FAILURE() << text_of(error); }

  void note_base(std::uint64_t base) {
    const std::lock_guard lock(mutex_);
    bases_.insert(base);
  }

  std::atomic<int> compressed{0};
  std::atomic<int> removed{0};

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> ranges_;
  std::set<std::uint64_t> bases_{0};
};

struct Read {
  std::uint64_t bytes = 0;
  std::map<Gap, std::uint64_t> missing;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
};

class LogReaderProperty : public testing::TestWithParam<unsigned> {
 protected:
  // Reads until everything is written and read. `slow`: how often it dawdles, of 256 times.
  Read read_all(LogFeed& feed, unsigned seed, unsigned slow) {
    std::mt19937 random(seed);
    LogReader reader(kernel(), paths_, feed, StreamOffset{0});
    const UniqueFd wake_fd = make_eventfd().value();
    LogFeed::Listener listener(feed, wake_fd.get());
    Read result;
    StreamOffset position;
    std::string out(std::size_t{1} << 17, '\0');
    while (position.value < kStream) {
      const auto chunk = reader.read(std::span(out).first(1 + random() % out.size()));
      if (!chunk) {
        ADD_FAILURE() << text_of(chunk.error());
        return result;
      }
      EXPECT_EQ(chunk->at, position + chunk->missing);
      EXPECT_TRUE(std::string_view(out).substr(0, chunk->bytes) ==
                  std::string_view(stream_).substr(chunk->at.value, chunk->bytes))
          << chunk->bytes << " bytes at " << chunk->at.value;
      if (chunk->missing > 0) {
        result.gaps.emplace_back(position.value, chunk->at.value);
        result.missing[chunk->why] += chunk->missing;
      }
      result.bytes += chunk->bytes;
      position = chunk->at + chunk->bytes;
      if (testing::Test::HasFailure()) return result;
      if (chunk->bytes == 0 && chunk->missing == 0)
        (void)listener.wait_until(position + 1 + random() % 50'000, Clock::now() + 5ms);
      if (random() % 256 < slow) std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    }
    return result;
  }

  // Writes all of the stream, in pieces, and rotates at random.
  void write_all(LogWriter& writer, Housekeeper& housekeeper, std::mt19937& random) {
    StreamOffset housekept = writer.indexed_base();
    int failures = 0;
    while (writer.end().value < kStream) {
      const std::string_view rest = std::string_view(stream_).substr(writer.end().value);
      const std::uint64_t size = random() % 16 == 0 ? 1 + random() % 200'000 : 1 + random() % 5000;
      const auto written = writer.append(rest.substr(0, size));
      if (!written) {
        // Somebody makes the file at the moment that the writer does, again and again: tried again, as the
        // log's thread does. What it had published stays so.
        ASSERT_LT(++failures, kMaxFailures) << text_of(written.error());
        std::this_thread::sleep_for(1ms);
        continue;
      }
      if (random() % 300 == 0 && !writer.rotate()) ++failures;
      if (random() % 200 == 0 && !writer.reopen()) ++failures;
      lost_.note_base(writer.active_base().value);
      note_lost();
      writer.publish();
      if (writer.indexed_base() != housekept) {
        housekept = writer.indexed_base();
        housekeeper.notify(housekept);
      }
      if (random() % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(meddling_ || failures == 0);
  }
  void note_lost() {
    const auto index = read_index(kernel(), paths_);
    ASSERT_TRUE(index && index->record);
    for (const StreamNote& note : index->record->notes) {
      if (note.kind != NoteKind::Foreign && note.kind != NoteKind::None)
        lost_.add(note.offset.value, note.end().value);
    }
  }

  // Others: one deed, against the active segment.
  void meddle(std::mt19937& random, int number) {
    switch (random() % 5) {
      case 0:
        (void)::rename(paths_.active().c_str(), (directory_ / ("moved-" + std::to_string(number))).c_str());
        break;
      case 1: {  // as logrotate does
        (void)::rename(paths_.active().c_str(), (directory_ / ("moved-" + std::to_string(number))).c_str());
        const std::ofstream created(paths_.active(), std::ios::app);
        break;
      }
      case 2:
        (void)::truncate(paths_.active().c_str(), 0);
        break;
      case 3:
        (void)::unlink(paths_.active().c_str());
        break;
      default: {
        std::ofstream other(paths_.active(), std::ios::app);
        other << "somebody else's line " << number << "\n";
      }
    }
  }

  void run(RetentionLimits limits, bool meddling, bool gaps_expected);

  test::TempDir directory_;
  LogPaths paths_{directory_ / "m"};
  std::string stream_ = numbered_lines(kStream);
  Lost lost_;
  bool meddling_ = false;
};

void LogReaderProperty::run(RetentionLimits limits, bool meddling, bool gaps_expected) {
  meddling_ = meddling;
  const unsigned seed = GetParam();
  std::mt19937 random(seed);
  LogSettings settings;
  settings.path = paths_.active();
  settings.sync.mode = SyncMode::None;
  settings.rotate_size = {400'000};
  auto writer = LogWriter::open(kernel(), settings, new_uuid());
  ASSERT_TRUE(writer) << text_of(writer.error());
  (*writer)->publish();

  std::array<Read, 3> reads;
  {
    Housekeeper housekeeper(kernel(), paths_, {.compress = Compression::Zstd, .limits = limits}, lost_);
    std::vector<std::jthread> threads;
    threads.reserve(reads.size());
    for (std::size_t i = 0; i < reads.size(); ++i) {
      threads.emplace_back([&, i] {
        reads[i] =
            read_all((*writer)->feed(), seed + static_cast<unsigned>(i), static_cast<unsigned>(60 * i));
      });
    }
    std::atomic<bool> written{false};
    std::jthread others([&] {
      std::mt19937 whims(seed + 99);
      for (int number = 0; meddling && !written.load(); ++number) {
        std::this_thread::sleep_for(std::chrono::microseconds(whims() % 40'000));
        meddle(whims, number);
      }
    });
    write_all(**writer, housekeeper, random);
    written.store(true);
    others.join();
    // At its low priority the housekeeper may not have run yet.
    EXPECT_TRUE(meddling ||
                test::eventually([&] { return lost_.compressed.load() + lost_.removed.load() > 0; }));
    // What was done after the last write the writer has not seen.
    EXPECT_TRUE((*writer)->reopen());
    note_lost();
    std::error_code missing;
    const auto size = std::filesystem::file_size(paths_.active(), missing);
    if (missing || size < kStream - (*writer)->active_base().value)
      lost_.add((*writer)->active_base().value, kStream);
    (*writer)->publish();
  }
  std::uint64_t gaps = 0;
  for (const Read& read : reads) {
    for (const auto& [from, to] : read.gaps)
      EXPECT_TRUE(lost_.has(from, to)) << "[" << from << ", " << to << ") was there to be read";
    std::uint64_t missing = 0;
    for (const auto& [why, bytes] : read.missing) missing += bytes;
    EXPECT_EQ(read.bytes + missing, kStream);
    gaps += read.gaps.size();
  }
  EXPECT_TRUE(gaps_expected || gaps == 0);
  // With retention, on a busy machine, all of them may go before they are compressed.
  EXPECT_GT(lost_.compressed.load() + lost_.removed.load(), 0);
  std::printf("%d segments compressed, %d removed, %d gaps\n", lost_.compressed.load(), lost_.removed.load(),
              static_cast<int>(gaps));
}

TEST_P(LogReaderProperty, NothingIsMissingWhereNothingIsRemoved) {
  run({}, false, false);
}

TEST_P(LogReaderProperty, OnlyWhatRetentionRemovedIsMissing) {
  run({.keep_files = 2}, false, true);
}

TEST_P(LogReaderProperty, OnlyWhatOthersTookIsMissing) {
  run({.keep_files = 4}, true, true);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogReaderProperty, testing::Range(1U, 4U));

}  // namespace
}  // namespace slurper
