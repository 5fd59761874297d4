#include "log/housekeeper.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/segment_reader.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using std::chrono::seconds;
using test::eventually;
using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr seconds kDeadline{120};

// Records what is reported, as "compressed 0".
class Recorder : public HousekeeperListener {
 public:
  void on_compressed(const Segment& raw, const Segment&) override { add("compressed", raw); }
  void on_removed(const Segment& segment) override { add("removed", segment); }
  void on_removed_for_room(const Segment& segment) override { add("removed for room", segment); }
  void on_leftover_removed(const std::string& path) override { add("leftover " + path); }
  void on_housekeeping_failed(const Error& error) override { add("failed: " + text_of(error)); }

  void on_all_kept() override { ++all_kept_; }
  [[nodiscard]] int all_kept() const { return all_kept_; }

  // Once there are `count` events, or the deadline is over: all of them.
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kDeadline, [&] { return events_.size() >= count; });
    return events_;
  }
  int niceness() {
    const std::lock_guard lock(mutex_);
    return niceness_;
  }

 private:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    niceness_ = getpriority(PRIO_PROCESS, 0);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  void add(const std::string& event, const Segment& segment) {
    add(event + " " + std::to_string(segment.base.value));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
  int niceness_ = 0;
  std::atomic<int> all_kept_ = 0;
};

class HousekeeperTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 10'000;

  // Rotated segments of kSize bytes each, at 0, kSize, 2 * kSize, …
  void rotated(int count) {
    for (int i = 0; i < count; ++i) write_file(paths_.rotated(base(i)), numbered_lines(kSize));
  }
  static StreamOffset base(int i) { return {static_cast<std::uint64_t>(i) * kSize}; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "m"};
  Recorder recorder_;
};

constexpr Housekeeper::Options kCompress{.compress = Compression::Zstd, .limits = {}};

TEST_F(HousekeeperTest, CompressesOnlyWhatIsBeforeTheActiveBase) {
  rotated(4);
  Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
  housekeeper.notify(base(2));
  EXPECT_THAT(recorder_.wait_for(2), ElementsAre("compressed 0", "compressed 10000"));
  // What it would have done beyond the base it did before it takes this:
  housekeeper.notify(base(3));
  EXPECT_THAT(recorder_.wait_for(3), ElementsAre("compressed 0", "compressed 10000", "compressed 20000"));
  EXPECT_EQ(read_file(paths_.rotated(base(3))), numbered_lines(kSize));
  EXPECT_EQ(housekeeper.counters().compressed, 3U);
  EXPECT_EQ(housekeeper.counters().failures, 0U);
}

TEST_F(HousekeeperTest, DoesNothingBeforeItIsNotified) {
  rotated(1);
  write_file(paths_.temporary(base(0)), "leftover");
  {
    const Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
  }
  EXPECT_THAT(recorder_.wait_for(0), IsEmpty());
  EXPECT_THAT(files(), ElementsAre("m.00000000000000000000", "m.00000000000000000000.zst.tmp"));
}

TEST_F(HousekeeperTest, RemovesBeforeItCompressesWhatGoesAnyway) {
  rotated(4);
  Housekeeper housekeeper(kernel(), paths_, {.compress = Compression::Zstd, .limits = {.keep_files = 2}},
                          recorder_);
  housekeeper.notify(base(4));
  EXPECT_THAT(recorder_.wait_for(4),
              ElementsAre("removed 0", "removed 10000", "compressed 20000", "compressed 30000"));
  EXPECT_EQ(housekeeper.counters().removed, 2U);
}

TEST_F(HousekeeperTest, MeasuresTheSizeAfterCompression) {
  rotated(4);
  // Room for all of them compressed, not for two of them raw, and then for one that does not compress alone.
  Housekeeper housekeeper(kernel(), paths_,
                          {.compress = Compression::Zstd, .limits = {.keep_size = {kSize + 100}}}, recorder_);
  housekeeper.notify(base(4));
  EXPECT_THAT(recorder_.wait_for(4),
              ElementsAre("compressed 0", "compressed 10000", "compressed 20000", "compressed 30000"));
  write_file(paths_.rotated(base(4)), noise(kSize));
  housekeeper.notify(base(5));
  EXPECT_THAT(recorder_.wait_for(9), ElementsAre(_, _, _, _, "compressed 40000", "removed 0", "removed 10000",
                                                 "removed 20000", "removed 30000"));
  EXPECT_TRUE(exists(paths_.compressed(base(4))));
}

TEST_F(HousekeeperTest, RemovesWithoutCompressing) {
  rotated(4);
  Housekeeper housekeeper(kernel(), paths_, {.limits = {.keep_size = {2 * kSize}}}, recorder_);
  housekeeper.notify(base(4));
  EXPECT_THAT(recorder_.wait_for(2), ElementsAre("removed 0", "removed 10000"));
}

TEST_F(HousekeeperTest, MakesRoomOneSegmentAtATimeAndNeverBeyondTheBase) {
  rotated(3);
  write_file(paths_.compressed(base(0)), "beside its raw one");
  Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
  housekeeper.make_room(base(2));
  EXPECT_THAT(recorder_.wait_for(2), ElementsAre("removed for room 0", "removed for room 0"));
  housekeeper.make_room(base(2));
  EXPECT_THAT(recorder_.wait_for(3), Contains("removed for room 10000"));
  housekeeper.make_room(base(2));  // there is none left
  housekeeper.notify(base(3));
  EXPECT_THAT(recorder_.wait_for(4), Contains("compressed 20000"));
  EXPECT_EQ(housekeeper.counters().removed, 3U);
}

TEST_F(HousekeeperTest, ResolvesLeftoversFirst) {
  rotated(2);
  write_file(paths_.temporary(base(0)), "cut short");
  write_file(paths_.compressed(base(1)), "damaged");
  Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
  housekeeper.notify(base(2));
  EXPECT_THAT(recorder_.wait_for(4),
              ElementsAre("leftover " + paths_.temporary(base(0)), "leftover " + paths_.compressed(base(1)),
                          "compressed 0", "compressed 10000"));
  EXPECT_EQ(housekeeper.counters().leftovers_removed, 2U);
}

// A stop that comes before the thread has run at all, as on a busy machine.
TEST_F(HousekeeperTest, ResolvesLeftoversThoughTheStopComesAtOnce) {
  rotated(1);
  for (int round = 0; round < 300; ++round) {
    write_file(paths_.temporary(base(0)), "cut short");
    {
      Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
      housekeeper.notify(base(1));
    }
    ASSERT_FALSE(std::filesystem::exists(paths_.temporary(base(0)))) << "round " << round;
  }
}

TEST_F(HousekeeperTest, WorksAtTheLowestPriority) {
  rotated(1);
  const int own = getpriority(PRIO_PROCESS, 0);
  Housekeeper housekeeper(kernel(), paths_, kCompress, recorder_);
  housekeeper.notify(base(1));
  ASSERT_THAT(recorder_.wait_for(1), ElementsAre("compressed 0"));
  EXPECT_EQ(recorder_.niceness(), 19);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
}

// Takes so long over a segment that only a cancellation ends it in time, and tells when it has begun.
class SlowOs : public Os {
 public:
  ssize_t write(int fd, const void* data, std::size_t size) override {
    begun_ = true;
    begun_.notify_all();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return Os::write(fd, data, size);
  }
  void wait_until_begun() const { begun_.wait(false); }

 private:
  std::atomic<bool> begun_ = false;
};

class LookCounter : public Os {
 public:
  int lstat(const char* path, struct stat* st) override {
    ++looks;
    return Os::lstat(path, st);
  }
  std::atomic<int> looks = 0;
};

TEST_F(HousekeeperTest, ListsTheFolderOnceAndNotForEachSegment) {
  constexpr int kSegments = 100;
  rotated(kSegments);
  LookCounter os;
  Housekeeper housekeeper(
      os, paths_, {.compress = Compression::Zstd, .limits = {.keep_files = 90, .keep_size = {1}}}, recorder_);
  housekeeper.notify(base(kSegments));
  const auto events = recorder_.wait_for(10 + 90 + 90);
  EXPECT_EQ(events.front(), "removed 0");
  EXPECT_EQ(events[10], "compressed 100000");
  EXPECT_EQ(events.back(), "removed 990000") << "by what they take when they are compressed";
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_LE(os.looks, 8 * kSegments);
}

// By hand, while those before it are compressed.
TEST_F(HousekeeperTest, WhatHasGoneSinceItWasListedIsNoFailure) {
  rotated(3);
  class Remover : public Os {
   public:
    explicit Remover(std::string path) : path_(std::move(path)) {}
    int rename(const char* from, const char* to) override {
      std::filesystem::remove(path_);
      return Os::rename(from, to);
    }

   private:
    std::string path_;
  };
  Remover os(paths_.rotated(base(1)));
  Housekeeper housekeeper(os, paths_, kCompress, recorder_);
  housekeeper.notify(base(3));
  EXPECT_THAT(recorder_.wait_for(2), ElementsAre("compressed 0", "compressed 20000"));
  EXPECT_EQ(housekeeper.counters().failures, 0U);
}

TEST_F(HousekeeperTest, StopsInTheMiddleOfACompression) {
  const std::string bytes = noise(std::size_t{64} << 20);  // 500 writes, 10 seconds
  write_file(paths_.rotated(base(0)), bytes);
  SlowOs os;
  std::optional<Housekeeper> housekeeper;
  housekeeper.emplace(os, paths_, kCompress, recorder_);
  housekeeper->notify({bytes.size()});
  os.wait_until_begun();
  housekeeper.reset();
  EXPECT_THAT(recorder_.wait_for(0), IsEmpty());
  EXPECT_THAT(files(), ElementsAre("m.00000000000000000000"));
  EXPECT_TRUE(read_file(paths_.rotated(base(0))) == bytes);
}

// Fails calls that concern one path, or all writes.
class BrokenOs : public Os {
 public:
  std::string unopenable;
  std::string unremovable;
  std::atomic<bool> disk_full = false;

  int open(const char* path, int flags, mode_t mode) override {
    return path == unopenable ? -EIO : Os::open(path, flags, mode);
  }
  int unlink(const char* path) override { return path == unremovable ? -EPERM : Os::unlink(path); }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return disk_full ? -ENOSPC : Os::write(fd, data, size);
  }
};

TEST_F(HousekeeperTest, GivesUpASegmentThatFailsAndGoesOnWithTheNext) {
  rotated(3);
  BrokenOs os;
  os.unopenable = paths_.rotated(base(0));
  {
    Housekeeper housekeeper(os, paths_, kCompress, recorder_);
    housekeeper.notify(base(2));
    EXPECT_THAT(recorder_.wait_for(2),
                ElementsAre(HasSubstr("failed: cannot compress the segment"), "compressed 10000"));
    housekeeper.notify(base(3));
    EXPECT_THAT(recorder_.wait_for(3), ElementsAre(_, _, "compressed 20000"));
    EXPECT_EQ(housekeeper.counters().failures, 1U);
  }
  EXPECT_EQ(recorder_.all_kept(), 0) << "that segment is not compressed yet";
}

TEST_F(HousekeeperTest, TriesAgainAfterAFullDiskButNotAtOnce) {
  rotated(2);
  BrokenOs os;
  os.disk_full = true;
  Housekeeper housekeeper(os, paths_, kCompress, recorder_);
  housekeeper.notify(base(1));
  ASSERT_THAT(recorder_.wait_for(1), ElementsAre(HasSubstr("No space left on device")));
  os.disk_full = false;
  housekeeper.notify(base(2));
  EXPECT_THAT(recorder_.wait_for(3), ElementsAre(_, "compressed 0", "compressed 10000"));
  EXPECT_TRUE(eventually([&] { return recorder_.all_kept() > 0; }));
  EXPECT_EQ(recorder_.all_kept(), 1) << "the first time one had failed";
}

TEST_F(HousekeeperTest, TriesAFailingUnlinkOnceARotation) {
  rotated(4);
  BrokenOs os;
  os.unremovable = paths_.rotated(base(0));
  Housekeeper housekeeper(os, paths_, {.compress = Compression::Zstd, .limits = {.keep_files = 1}},
                          recorder_);
  const auto failed = HasSubstr("failed: cannot remove the old segment");
  housekeeper.notify(base(2));
  // The compression can't remove the raw segment either.
  EXPECT_THAT(recorder_.wait_for(3), ElementsAre(failed, HasSubstr("now compressed"), "compressed 10000"));
  housekeeper.notify(base(3));
  EXPECT_THAT(recorder_.wait_for(5), ElementsAre(_, _, _, failed, "compressed 20000"));
  EXPECT_TRUE(exists(paths_.rotated(base(0))));
}

// If memory runs out, it starts again and finishes what it had begun.
TEST_F(HousekeeperTest, WhatIsThrownIsTriedAgain) {
  class NoMemory : public Os {
   public:
    int open(const char* path, int flags, mode_t mode) override {
      if (std::string_view(path).ends_with(".tmp") && --left_ >= 0) throw std::bad_alloc();
      return Os::open(path, flags, mode);
    }

   private:
    std::atomic<int> left_ = 2;
  };
  NoMemory os;
  rotated(2);
  Housekeeper housekeeper(os, paths_, kCompress, recorder_);
  housekeeper.notify(base(2));
  EXPECT_THAT(
      recorder_.wait_for(4),
      ElementsAre("failed: cannot compress and remove segments: memory has run out. slurper tries again",
                  "failed: cannot compress and remove segments: memory has run out. slurper tries again",
                  "compressed 0", "compressed " + std::to_string(kSize)));
  EXPECT_THAT(files(), ElementsAre("m.00000000000000000000.zst", "m.00000000000000010000.zst"));
}

// A thread of its own would have to be made again, which may fail.
TEST_F(HousekeeperTest, TakesOtherOptionsWhileItRuns) {
  rotated(2);
  Housekeeper housekeeper(kernel(), paths_, {}, recorder_);
  housekeeper.set_options(kCompress);
  housekeeper.notify(base(2));
  EXPECT_THAT(recorder_.wait_for(2), ElementsAre("compressed 0", "compressed " + std::to_string(kSize)));
}

}  // namespace
}  // namespace slurper
