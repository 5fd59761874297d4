#include "log/time_index.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <random>
#include <thread>

#include "log/log_files.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::texts_of;

using test::text_of;

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Uuid uuid_from(std::uint8_t first) {
  Uuid uuid{};
  for (std::uint8_t& byte : uuid) byte = first++;
  return uuid;
}

constexpr Uuid kLog = uuid_from(0x10);
constexpr Timestamp kBegin{1'700'000'000s};

TimeMark mark(std::uint64_t offset, std::chrono::milliseconds after = 0ms) {
  return {.offset = {offset}, .time = kBegin + after};
}

// A disk that is full, or fails, for the file of times only.
class BrokenOs : public Os {
 public:
  std::atomic<bool> full = false;
  std::atomic<bool> unreadable = false;
  std::size_t room = 0;  // how many bytes still fit while the disk is full

  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (!full) return Os::pwrite(fd, data, size, offset);
    size = std::min(size, std::exchange(room, 0));
    return size == 0 ? -ENOSPC : Os::pwrite(fd, data, size, offset);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return unreadable ? -EIO : Os::pread(fd, data, size, offset);
  }
};

class TimeIndexTest : public testing::Test {
 protected:
  static constexpr TimeIndex::Stream kFarOn{.log_end = {1'000'000'000}, .head = {1'000'000'000}};

  std::unique_ptr<TimeIndex> open(const TimeIndex::Stream& stream = kFarOn, Os& os = kernel(),
                                  const Uuid& log = kLog) {
    return TimeIndex::open(os, paths_, log, {}, stream);
  }
  // Makes a file with these marks, which no process has open.
  void make(const std::vector<TimeMark>& marks) {
    const auto times = open({});
    for (const TimeMark& one : marks) {
      times->mark(one);
      times->write();
    }
    ASSERT_THAT(times->take_findings(), IsEmpty());
  }
  // Returns milliseconds after kBegin, or -1 if the time is not known.
  static std::int64_t at(const TimeIndex& times, std::uint64_t offset) {
    const auto found = times.find({offset});
    return found ? std::chrono::floor<std::chrono::milliseconds>(found->mark.time - kBegin).count() : -1;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::string path_ = directory_ / ".messages.times";
};

TEST(TimesFormat, HasTheseBytes) {
  const TimesHeaderBytes header = encode_times_header(kLog);
  EXPECT_EQ(std::string(header.begin(), header.end()),
            std::string("slurptim"
                        "\x01\x00\x00\x00"
                        "\x28\x93\x57\xb4"
                        "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f",
                        32));
  const TimesEntryBytes entry =
      encode_times_entry({.offset = {0x1122334455667788}, .time = Timestamp(1'700'000'000'123'999'999ns)});
  EXPECT_EQ(std::string(entry.begin(), entry.end()), std::string("\x88\x77\x66\x55\x44\x33\x22\x11"
                                                                 "\x7b\x68\xe5\xcf\x8b\x01"
                                                                 "\x5b\x9f",
                                                                 16));
}

TEST(TimesFormat, ReadsBackWhatItWrote) {
  EXPECT_EQ(decode_times_header(encode_times_header(kLog)), kLog);
  for (const TimeMark& one : {mark(0), mark(1, 7ms), mark(~std::uint64_t{0}, 1h), TimeMark{}})
    EXPECT_EQ(decode_times_entry(encode_times_entry(one)), one);
  EXPECT_EQ(decode_times_entry(encode_times_entry({{5}, Timestamp(-7s)})), (TimeMark{{5}, {}}))
      << "a clock that was never set";
}

TEST(TimesFormat, DetectsEveryChangedBit) {
  const TimesHeaderBytes header = encode_times_header(kLog);
  for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
    TimesHeaderBytes bad = header;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_times_header(bad)) << "bit " << bit;
  }
  const TimesEntryBytes entry = encode_times_entry(mark(123'456'789, 5s));
  for (std::size_t bit = 0; bit < entry.size() * 8; ++bit) {
    TimesEntryBytes bad = entry;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_times_entry(bad)) << "bit " << bit;
  }
  EXPECT_FALSE(decode_times_entry({})) << "what a loss of power leaves";
}

TEST_F(TimeIndexTest, KnowsNothingAtFirst) {
  const auto times = open({});
  EXPECT_THAT(times->take_findings(), IsEmpty());
  EXPECT_EQ(at(*times, 0), -1);
}

TEST_F(TimeIndexTest, FindsTheLastMarkBeforeAnOffset) {
  const auto times = open({});
  for (const TimeMark& one : {mark(100, 1s), mark(200, 2s), mark(300, 3s)}) times->mark(one);
  for (const bool written : {false, true}) {
    if (written) times->write();
    EXPECT_EQ(times->has_unwritten(), !written);
    EXPECT_EQ(at(*times, 99), -1);
    EXPECT_EQ(at(*times, 100), 1000);
    EXPECT_EQ(at(*times, 199), 1000);
    EXPECT_EQ(at(*times, 200), 2000);
    EXPECT_EQ(at(*times, 1'000'000), 3000);
  }
  times->mark(mark(400, 4s));  // the file has the earlier marks, and lacks this one
  EXPECT_EQ(at(*times, 399), 3000);
  EXPECT_EQ(at(*times, 400), 4000);
}

TEST_F(TimeIndexTest, RemembersOverARestart) {
  make({mark(100, 1s), mark(200, 2s)});
  {
    const auto times = open();
    EXPECT_THAT(times->take_findings(), IsEmpty());
    EXPECT_EQ(at(*times, 150), 1000);
    times->mark(mark(300, 3s));
    times->write();
  }
  const auto times = open();
  EXPECT_EQ(at(*times, 150), 1000);
  EXPECT_EQ(at(*times, 250), 2000);
  EXPECT_EQ(at(*times, 350), 3000);
}

// A crash may leave any part of the last writes, with any bytes after it.
TEST_F(TimeIndexTest, CutsOffATornEnd) {
  make({mark(100, 1s), mark(200, 2s), mark(300, 3s)});
  const std::string whole = read_file(path_);
  const TimesEntryBytes stale = encode_times_entry(mark(50));
  for (const std::string& behind : {std::string(), std::string(40, '\0'), std::string(16, 'x'),
                                    std::string(stale.begin(), stale.end())}) {
    for (std::size_t size = kTimesHeaderSize; size <= whole.size(); ++size) {
      write_file(path_, whole.substr(0, size) + behind);
      const std::uint64_t left = (size - kTimesHeaderSize) / kTimesEntrySize;
      if (left == 0 && behind.size() == kTimesEntrySize) continue;  // the stale entry would be the only one
      {
        const auto times = open();
        EXPECT_THAT(times->take_findings(), IsEmpty());
        EXPECT_EQ(times->newest().value, left * 100);
        EXPECT_EQ(at(*times, 1000), left == 0 ? -1 : static_cast<std::int64_t>(left * 1000));
        times->mark(mark(400, 4s));
        times->write();
      }
      EXPECT_EQ(read_file(path_).size(), kTimesHeaderSize + (left + 1) * kTimesEntrySize);
      EXPECT_EQ(at(*open(), 400), 4000);
    }
  }
}

// Damage in the middle of the file loses that entry, and none after it.
TEST_F(TimeIndexTest, LivesWithADamagedEntry) {
  std::vector<TimeMark> marks;
  for (int i = 1; i <= 6000; ++i) marks.push_back(mark(static_cast<std::uint64_t>(i) * 10, i * 1s));
  make(marks);
  std::string content = read_file(path_);
  for (int i : {0, 1, 500, 749, 750, 751, 752, 1000})
    content[kTimesHeaderSize + static_cast<std::size_t>(i) * kTimesEntrySize] ^= 1;
  write_file(path_, content);
  const auto times = open();
  EXPECT_EQ(at(*times, 15), -1) << "the first two";
  EXPECT_EQ(at(*times, 45), 4000);
  EXPECT_EQ(at(*times, 7525), 749'000) << "the last good one before it";
  EXPECT_EQ(at(*times, 7535), 749'000);
  for (int i = 2; i < 6000; ++i) {
    const auto time = at(*times, static_cast<std::uint64_t>(i + 1) * 10 + 5);
    EXPECT_LE(time, (i + 1) * 1000);
    EXPECT_GE(time, (i - 3) * 1000);
  }
}

TEST_F(TimeIndexTest, ForgetsMarksOfWhatNeverCame) {
  make({mark(100, 1s), mark(200, 2s), mark(300, 3s)});
  const auto times = open({.log_end = {200}, .head = {200}});
  EXPECT_EQ(times->newest(), StreamOffset{100});
  times->mark(mark(200, 9s));
  EXPECT_EQ(at(*times, 350), 9000);
}

TEST_F(TimeIndexTest, GivesWhatWasTakenOverTheTimeOfThat) {
  make({mark(100, 1s), mark(200, 2s)});
  const Timestamp before = std::chrono::system_clock::now() - 1s;  // the coarse clock lags a little
  const auto times = open({.log_end = {150}, .head = {1000}});
  EXPECT_EQ(at(*times, 150), 1000) << "that was marked";
  const auto taken_over = times->find({999});
  ASSERT_TRUE(taken_over);
  EXPECT_GE(taken_over->mark.time, before);
  EXPECT_LE(taken_over->mark.time, std::chrono::system_clock::now());
  times->write();
  EXPECT_EQ(at(*open(), 150), 1000);
  EXPECT_EQ(open()->find({999})->mark.time,
            std::chrono::floor<std::chrono::milliseconds>(taken_over->mark.time));
}

TEST_F(TimeIndexTest, TheClockMayBeSetBack) {
  make({mark(100, 10s), mark(200, 2s), mark(300, 0s)});
  const auto times = open();
  EXPECT_EQ(at(*times, 199), 10'000);
  EXPECT_EQ(at(*times, 299), 2000);
  EXPECT_EQ(at(*times, 301), 0);
}

TEST_F(TimeIndexTest, ASecondMarkOfTheSameOffsetCounts) {
  const auto times = open({});
  times->mark(mark(100, 1s));
  times->mark(mark(100, 2s));
  EXPECT_EQ(at(*times, 100), 2000);
  times->write();
  times->mark(mark(100, 3s));
  EXPECT_EQ(at(*times, 100), 3000);
  times->write();
  EXPECT_EQ(at(*times, 100), 3000);
  EXPECT_EQ(at(*open(), 100), 3000);
}

TEST_F(TimeIndexTest, BeginsAnewWhatIsNotItsOwn) {
  make({mark(100, 1s)});
  const std::string good = read_file(path_);
  std::string newer = good;
  newer[8] = 2;
  const std::pair<std::function<void()>, std::string> cases[] = {
      {[&] { std::filesystem::remove(path_); }, "No such file"},
      {[&] { write_file(path_, "what is this"); }, "its header is damaged"},
      {[&] { write_file(path_, ""); }, "its header is damaged"},
      {[&] { write_file(path_, newer); }, "its header is damaged"},
      {[&] {
         std::filesystem::remove(path_);
         std::filesystem::create_symlink("precious", path_);
       },
       "it is a symbolic link to 'precious'"},
      {[&] {
         std::filesystem::remove(path_);
         ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
       },
       "not a regular file"},
  };
  write_file(directory_ / "precious", "precious");
  for (const auto& [spoil, why] : cases) {
    write_file(path_, good);
    spoil();
    {
      const auto times = open();
      const auto findings = texts_of(times->take_findings());
      ASSERT_EQ(findings.size(), 1U) << why;
      EXPECT_THAT(findings[0], HasSubstr("cannot use the arrival times '" + path_ + "'"));
      EXPECT_THAT(findings[0], HasSubstr(why));
      EXPECT_THAT(findings[0], HasSubstr("slurper begins it anew"));
      EXPECT_EQ(at(*times, 100), -1);
      times->mark(mark(200, 2s));
      times->write();
    }
    EXPECT_EQ(at(*open(), 200), 2000) << why;
  }
  EXPECT_EQ(read_file(directory_ / "precious"), "precious");
  const auto others = open(kFarOn, kernel(), uuid_from(0x50));
  EXPECT_THAT(texts_of(others->take_findings()),
              ElementsAre(HasSubstr("it belongs to another log, 10111213-")));
  EXPECT_EQ(at(*others, 200), -1);
}

// The log continues; at worst, times get coarser; slurper reports the failure once.
TEST_F(TimeIndexTest, KeepsMarksInMemoryWhileTheDiskIsFull) {
  BrokenOs os;
  os.full = true;
  const auto times = open({}, os);
  for (int i = 1; i <= 5; ++i) {
    times->mark(mark(static_cast<std::uint64_t>(i) * 100, i * 1s));
    times->write();
  }
  EXPECT_THAT(texts_of(times->take_findings()), ElementsAre(HasSubstr("No space left on device")));
  EXPECT_EQ(at(*times, 350), 3000);
  os.full = false;
  times->mark(mark(600, 6s));
  times->write();
  EXPECT_THAT(texts_of(times->take_findings()), ElementsAre("its arrival times are being written again"));
  os.full = true;
  os.room = 23;  // an entry and a half
  times->mark(mark(700, 7s));
  times->mark(mark(800, 8s));
  times->write();
  EXPECT_EQ(at(*times, 750), 7000);
  os.full = false;
  times->mark(mark(900, 9s));
  times->write();
  const auto again = open();
  for (int i = 1; i <= 9; ++i) {
    EXPECT_EQ(at(*times, static_cast<std::uint64_t>(i) * 100 + 50), i * 1000);
    EXPECT_EQ(at(*again, static_cast<std::uint64_t>(i) * 100 + 50), i * 1000);
  }
}

TEST_F(TimeIndexTest, ThinsMarksOutRatherThanGrowForEver) {
  BrokenOs os;
  os.full = true;
  const auto times = open({}, os);
  constexpr std::uint64_t kMarks = TimeIndex::kMaxUnwritten * 5;
  for (std::uint64_t i = 0; i < kMarks; ++i) times->mark(mark(i * 10, i * 500ms));
  const auto check = [&](const TimeIndex& index) {
    for (std::uint64_t i = 0; i < kMarks; i += 97) {
      const auto time = at(index, i * 10);
      EXPECT_LE(time, static_cast<std::int64_t>(i) * 500);
      EXPECT_GE(time, static_cast<std::int64_t>(i) * 500 - 8000) << "11 hours, in at most 16,384 marks";
    }
  };
  check(*times);
  os.full = false;
  times->write();
  check(*times);
  check(*open());
  EXPECT_LE(std::filesystem::file_size(path_), kTimesHeaderSize + TimeIndex::kMaxUnwritten * kTimesEntrySize);
}

TEST_F(TimeIndexTest, KnowsNothingWhereTheFileCanNotBeRead) {
  make({mark(100, 1s), mark(200, 2s)});
  BrokenOs os;
  const auto times = open(kFarOn, os);
  os.unreadable = true;
  EXPECT_EQ(at(*times, 150), -1);
  os.unreadable = false;
  EXPECT_EQ(at(*times, 150), 1000);
}

TEST_F(TimeIndexTest, IsRewrittenWhenMostOfItIsOfNoUse) {
  std::vector<TimeMark> marks;
  marks.reserve(20'000);
  for (int i = 0; i < 20'000; ++i) marks.push_back(mark(static_cast<std::uint64_t>(i) * 10, i * 500ms));
  make(marks);
  const auto times = open();
  const auto size = std::filesystem::file_size(path_);
  const auto forget = [&](std::uint64_t entry) {
    times->forget_before({entry * 10 + 5});
    times->mark({.offset = {times->newest().value + 10}, .time = kBegin});
    times->write();
  };
  forget(9000);
  EXPECT_GT(std::filesystem::file_size(path_), size) << "most of it is of use";
  forget(11'000);
  EXPECT_LT(std::filesystem::file_size(path_), size / 2);
  EXPECT_EQ(at(*times, 110'005), 5'500'000) << "the first byte that is left";
  EXPECT_EQ(at(*times, 150'000), 7'500'000);
  EXPECT_EQ(at(*times, 109'990), -1);
  EXPECT_EQ(at(*open(), 150'000), 7'500'000);
  EXPECT_FALSE(exists(paths_.times_temporary()));
  times->mark(mark(1'000'000, 1h));
  times->write();
  EXPECT_EQ(at(*open(), 1'000'000), std::chrono::milliseconds(1h).count());
}

// Every lookup is right while the file is appended to, thinned out and rewritten.
TEST_F(TimeIndexTest, IsLookedUpFromOtherThreads) {
  const auto times = open({});
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> forgotten{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  readers.reserve(3);
  for (unsigned i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937_64 random(i);
      std::uint64_t offset = 0;
      while (!stop.load()) {
        const std::uint64_t end = published.load();
        if (end == 0) continue;
        const std::uint64_t begin = forgotten.load();
        offset =
            i == 0 ? begin + random() % (end - begin) : std::clamp(offset + random() % 50, begin, end - 1);
        const auto found = times->find({offset});
        if (forgotten.load() > offset) continue;
        ASSERT_TRUE(found) << offset;
        ASSERT_EQ(found->mark.time, kBegin + std::chrono::milliseconds(offset / 10)) << offset;
      }
    });
  }
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    times->mark(mark(i * 10, std::chrono::milliseconds(i)));
    published.store(i * 10 + 10);
    if (i % 7 == 0 && times->has_unwritten()) times->write();
    if (i % 10'000 == 9'999) {
      forgotten.store((i - 2000) * 10);
      times->forget_before({(i - 2000) * 10});
    }
  }
  stop.store(true);
  readers.clear();
  times->write();
  EXPECT_LT(std::filesystem::file_size(path_), 30'000 * kTimesEntrySize) << "it was rewritten";
}

TEST_F(TimeIndexTest, MarksWhatIsComingAtMostTwiceASecond) {
  const auto times = open({});
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t offset = 0;
  Timestamp before_last;
  // Makes a mark at once, and then one each half second.
  for (int marks = 0; marks < 3;) {
    const StreamOffset newest = times->newest();
    before_last = std::chrono::system_clock::now();
    times->coming({++offset}, std::chrono::steady_clock::now());
    if (times->newest() != newest) ++marks;
  }
  EXPECT_GT(std::chrono::steady_clock::now() - begin, 900ms);
  const auto found = times->find({offset});
  ASSERT_TRUE(found);
  EXPECT_GT(found->mark.time, before_last - 100ms) << "the coarse clock lags";
}

TEST_F(TimeIndexTest, BeginsAnewWhatCannotBeReadOrCut) {
  class FailingOs : public Os {
   public:
    ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
      return offset > 0 ? -EIO : Os::pread(fd, data, size, offset);  // reads the header
    }
  } unreadable;
  make({mark(100, 1s), mark(200, 2s)});
  EXPECT_THAT(texts_of(open(kFarOn, unreadable)->take_findings()),
              ElementsAre("cannot read the arrival times '" + path_ +
                          "': Input/output error. slurper begins it anew: when the lines that the log has by "
                          "now arrived is no longer known"));
  class UncuttableOs : public Os {
   public:
    int ftruncate(int /*fd*/, off_t /*size*/) override { return -EIO; }
  } uncuttable;
  make({mark(100, 1s), mark(200, 2s)});
  write_file(path_, read_file(path_) + "torn");
  EXPECT_THAT(texts_of(open(kFarOn, uncuttable)->take_findings()),
              ElementsAre("cannot cut off the damaged end of the arrival times '" + path_ +
                          "': Input/output error. slurper begins it anew: when the lines that the log has by "
                          "now arrived is no longer known"));
}

TEST_F(TimeIndexTest, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(inspect_times(kernel(), paths_, kLog).error().kind, ErrorKind::NoInput);
  make({mark(100, 1s), mark(200, 2s)});
  EXPECT_FALSE(*inspect_times(kernel(), paths_, kLog));
  EXPECT_THAT(text_of(inspect_times(kernel(), paths_, uuid_from(1))->value_or(Phrase())),
              HasSubstr("belongs to another log"));
  std::string content = read_file(path_);
  content.back() ^= 1;
  write_file(path_, content);
  EXPECT_EQ(text_of(inspect_times(kernel(), paths_, kLog)->value_or(Phrase())),
            "it is damaged in its last 1 entry");
  write_file(path_, "ruined");
  EXPECT_EQ(text_of(inspect_times(kernel(), paths_, kLog)->value_or(Phrase())), "its header is damaged");
}

}  // namespace
}  // namespace slurper
