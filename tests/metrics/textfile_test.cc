#include "metrics/textfile.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "metrics/metrics_text.h"
#include "metrics/promtool.h"
#include "metrics/some_snapshot.h"
#include "support/files.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::HasSubstr;

// Fails or shortens what the test says.
class FaultyOs : public Os {
 public:
  std::atomic<int> open_error = 0;
  std::atomic<int> write_error = 0;
  std::atomic<int> rename_error = 0;
  bool writes_one_byte = false;

  int open(const char* path, int flags, mode_t mode) override {
    return open_error != 0 ? -open_error : Os::open(path, flags, mode);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (write_error != 0) return -write_error;
    return Os::write(fd, data, writes_one_byte ? 1 : size);
  }
  int rename(const char* from, const char* to) override {
    return rename_error != 0 ? -rename_error : Os::rename(from, to);
  }
};

class TextfileTest : public testing::Test {
 protected:
  test::TempDir folder_;
  const std::string path_ = folder_ / "slurper.prom";
  FaultyOs os_;
  test::RecordedMessages messages_;

  [[nodiscard]] bool exists() const { return std::filesystem::exists(path_); }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator entries(folder_.path());
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }
};

TEST_F(TextfileTest, IsThereAsAWholeForWhoeverMayReadIt) {
  os_.writes_one_byte = true;
  const mode_t umask = ::umask(0077);
  EXPECT_TRUE(write_textfile(os_, path_, "# HELP slurper_healthy 1\n"));
  ::umask(umask);
  EXPECT_EQ(test::read_file(path_), "# HELP slurper_healthy 1\n");
  struct stat st{};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(TextfileTest, FollowsNoLinkThatAnotherUserPutsThere) {
  const std::string precious = folder_ / "precious";
  test::write_file(precious, "mine");
  std::filesystem::create_symlink(precious, path_ + ".tmp");
  std::filesystem::create_symlink(precious, path_);
  EXPECT_TRUE(write_textfile(os_, path_, "# HELP slurper_x 1\n"));
  EXPECT_EQ(test::read_file(precious), "mine");
  EXPECT_EQ(test::read_file(path_), "# HELP slurper_x 1\n");
  EXPECT_FALSE(std::filesystem::is_symlink(path_));
}

// The settings may name something else by mistake, through whatever links: the log itself.
TEST_F(TextfileTest, ReplacesNothingElse) {
  for (const std::string& place : {path_, path_ + ".tmp"}) {
    test::write_file(place, "Nov 30 a line of a log\n");
    const Status written = write_textfile(os_, path_, "# HELP slurper_x 1\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(test::text_of(written.error()), "cannot write the metrics to '" + path_ + "': File exists");
    EXPECT_EQ(test::read_file(place), "Nov 30 a line of a log\n");
    std::filesystem::remove(place);
    ASSERT_EQ(::mkfifo(place.c_str(), 0600), 0);
    EXPECT_FALSE(write_textfile(os_, path_, "# HELP slurper_x 1\n"));
    EXPECT_TRUE(std::filesystem::is_fifo(place));
    std::filesystem::remove(place);
    for (const char* const left : {"", "# HELP slur", "# HELP slurper_x 1\n"}) {
      test::write_file(place, left);
      EXPECT_TRUE(write_textfile(os_, path_, "# HELP slurper_x 2\n")) << left;
      EXPECT_EQ(test::read_file(path_), "# HELP slurper_x 2\n");
    }
    std::filesystem::remove(path_);
  }
}

TEST_F(TextfileTest, StaysAsItIsIfItCannotBeWritten) {
  ASSERT_TRUE(write_textfile(os_, path_, "# HELP slurper_x 1\n"));
  for (std::atomic<int>* const error : {&os_.open_error, &os_.write_error, &os_.rename_error}) {
    *error = ENOSPC;
    const Status written = write_textfile(os_, path_, "# HELP slurper_x 2\n");
    *error = 0;
    ASSERT_FALSE(written);
    EXPECT_THAT(test::text_of(written.error()),
                HasSubstr("cannot write the metrics to '" + path_ + "': No space left on device"));
    EXPECT_EQ(test::read_file(path_), "# HELP slurper_x 1\n");
    EXPECT_EQ(files(), 1U) << "it has left its temporary file";
  }
}

// A reader finds an old text or a new one, all of it.
TEST_F(TextfileTest, IsNeverReadHalf) {
  const auto text = [](int number) {
    std::string all = "# HELP slurper_x\n";
    for (int i = 0; i < 2000; ++i)
      all += "x{i=\"" + std::to_string(i) + "\"} " + std::to_string(number) + "\n";
    return all;
  };
  std::atomic<bool> ends = false;
  std::atomic<int> reads = 0;
  std::atomic<int> torn = 0;
  std::vector<std::jthread> readers;
  ASSERT_TRUE(write_textfile(os_, path_, text(0)));
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!ends) {
        const std::string found = test::read_file(path_);
        const int number = std::atoi(found.c_str() + std::min(found.find("} ") + 2, found.size()));
        if (found != text(number)) ++torn;
        ++reads;
      }
    });
  }
  for (int number = 1; number < 300 || reads < 100; ++number)
    ASSERT_TRUE(write_textfile(os_, path_, text(number)));
  ends = true;
  readers.clear();
  EXPECT_EQ(torn, 0) << "of " << reads;
}

TEST_F(TextfileTest, IsAcceptedByPromtoolWhileItIsWritten) {
  ASSERT_EQ(test::fetch_promtool(), "");
  const Snapshot snapshot = test::hostile_snapshot();
  std::atomic<int> rendered = 0;
  auto textfile = Textfile::start(
      os_, path_, 1ms,
      [&] {
        ++rendered;
        return std::optional(
            to_textfile_text(snapshot, test::report_of(snapshot), std::chrono::system_clock::now()));
      },
      messages_.listener());
  ASSERT_TRUE(textfile);
  ASSERT_TRUE(eventually([&] { return exists(); }));
  for (int checks = 0; checks < 20; ++checks) EXPECT_EQ(test::promtool_says(path_), "");
  EXPECT_GT(rendered, 20);
}

TEST_F(TextfileTest, IsWrittenAnewAndRemovedAtTheEnd) {
  std::atomic<int> rendered = 0;
  auto textfile = Textfile::start(
      os_, path_, 1ms, [&] { return std::optional("# HELP slurper_x " + std::to_string(++rendered) + "\n"); },
      messages_.listener());
  ASSERT_TRUE(textfile) << test::text_of(textfile.error());
  ASSERT_TRUE(eventually([&] { return rendered > 5; }));
  EXPECT_TRUE(eventually([&] { return exists(); }));
  EXPECT_TRUE((*textfile)->stop(test::kDeadline));
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(messages_.text(), "");
}

TEST_F(TextfileTest, StaysIfThereIsNothingToWriteNow) {
  std::atomic<int> asked = 0;
  auto textfile = Textfile::start(
      os_, path_, 1ms,
      [&] { return ++asked == 1 ? std::optional<std::string>("# HELP slurper_x 1\n") : std::nullopt; },
      messages_.listener());
  ASSERT_TRUE(textfile);
  ASSERT_TRUE(eventually([&] { return asked > 5; }));
  EXPECT_EQ(test::read_file(path_), "# HELP slurper_x 1\n");
}

TEST_F(TextfileTest, ReportsOnceThatItCannotBeWrittenAndOnceThatItIsAgain) {
  os_.open_error = EACCES;
  std::atomic<int> rendered = 0;
  auto textfile = Textfile::start(
      os_, path_, 1ms,
      [&] {
        ++rendered;
        return std::optional<std::string>("# HELP slurper_x 1\n");
      },
      messages_.listener());
  ASSERT_TRUE(textfile);
  ASSERT_TRUE(eventually([&] { return rendered > 5; }));
  EXPECT_EQ(
      messages_.text(),
      "2: cannot write the metrics to '" + path_ +
          "': Permission denied. Let slurper's user write to its folder: chgrp and chmod it. A sandbox "
          "needs ReadWritePaths= in a drop-in: `slurper check --drop-in` prints it. slurper tries again "
          "at each metrics.interval\n");
  (void)messages_.take();
  os_.open_error = 0;
  ASSERT_TRUE(eventually([&] { return exists(); }));
  EXPECT_TRUE(eventually([&] { return messages_.text().find("again\n") != std::string::npos; }));
  EXPECT_THAT(messages_.text(), HasSubstr("1: the metrics are written to '" + path_ + "' again\n"));
}

// A file on a disk that stalls must not hold up the end of slurper.
TEST_F(TextfileTest, IsLeftAloneIfItsDiskStalls) {
  class StallingOs : public Os {
   public:
    std::mutex mutex;
    std::condition_variable changed;
    bool is_entered = false;
    bool is_free = false;

    int open(const char* path, int flags, mode_t mode) override {
      std::unique_lock lock(mutex);
      is_entered = true;
      changed.notify_all();
      changed.wait(lock, [this] { return is_free; });
      return Os::open(path, flags, mode);
    }
  };
  StallingOs os;
  auto textfile = Textfile::start(
      os, path_, 1ms, [] { return std::optional<std::string>("# HELP slurper_x 1\n"); },
      messages_.listener());
  ASSERT_TRUE(textfile);
  {
    std::unique_lock lock(os.mutex);
    os.changed.wait(lock, [&] { return os.is_entered; });
  }
  EXPECT_FALSE((*textfile)->stop(10ms));
  {
    const std::lock_guard lock(os.mutex);
    os.is_free = true;
  }
  os.changed.notify_all();
  EXPECT_TRUE((*textfile)->stop(test::kDeadline));
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace slurper
