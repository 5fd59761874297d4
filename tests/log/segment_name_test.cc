#include "log/segment_name.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>

#include "log/log_files.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::ElementsAre;
using testing::IsEmpty;

constexpr StreamOffset kBase{123456};
constexpr StreamOffset kLast{std::numeric_limits<std::uint64_t>::max()};

TEST(LogPaths, NamesEveryFileBesideTheActiveSegment) {
  const LogPaths paths("/var/log/x/messages");
  EXPECT_EQ(paths.active(), "/var/log/x/messages");
  EXPECT_EQ(paths.directory(), "/var/log/x");
  EXPECT_EQ(paths.index(), "/var/log/x/.messages.index");
  EXPECT_EQ(paths.rotated(kBase), "/var/log/x/messages.00000000000000123456");
  EXPECT_EQ(paths.compressed(kBase), "/var/log/x/messages.00000000000000123456.zst");
  EXPECT_EQ(paths.temporary(kBase), "/var/log/x/messages.00000000000000123456.zst.tmp");
  EXPECT_EQ(paths.rotated(kLast), "/var/log/x/messages.18446744073709551615");
}

TEST(LogPaths, TakesAPathWithoutAFolder) {
  const LogPaths here("messages");
  EXPECT_EQ(here.directory(), ".");
  EXPECT_EQ(here.index(), ".messages.index");
  EXPECT_EQ(here.rotated({0}), "messages.00000000000000000000");
  const LogPaths root("/messages");
  EXPECT_EQ(root.directory(), "/");
  EXPECT_EQ(root.index(), "/.messages.index");
}

TEST(LogPaths, ReadsItsOwnNamesBack) {
  const LogPaths paths("/d/m");
  for (const StreamOffset base : {StreamOffset{0}, kBase, kLast}) {
    const auto name_of = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
    EXPECT_EQ(paths.parse(name_of(paths.rotated(base))), (LogFileName{LogFileKind::Rotated, base}));
    EXPECT_EQ(paths.parse(name_of(paths.compressed(base))), (LogFileName{LogFileKind::Compressed, base}));
    EXPECT_EQ(paths.parse(name_of(paths.temporary(base))), (LogFileName{LogFileKind::Temporary, base}));
  }
}

TEST(LogPaths, KnowsNoForeignName) {
  const LogPaths paths("/d/messages");
  for (const char* name : {"", "messages", "messages.", ".messages.index", "messages.1", "messages.1.gz",
                           "messages.0000000000000012345",            // 19 digits
                           "messages.000000000000000123456",          // 21
                           "messages.18446744073709551616",           // one too many for 64 bits
                           "messages.0000000000000012345x",           //
                           "messages.-0000000000000123456",           //
                           "messages.+0000000000000123456",           //
                           "messages. 0000000000000123456",           //
                           "messages-00000000000000123456",           //
                           "messages.00000000000000123456.gz",        //
                           "messages.00000000000000123456.zst.tmp2",  //
                           "messages.00000000000000123456.",          //
                           "messages2.00000000000000123456",          //
                           "xmessages.00000000000000123456"}) {
    EXPECT_EQ(paths.parse(name), std::nullopt) << name;
  }
}

TEST(ListSegments, SortsByBaseAndLeavesForeignFilesAlone) {
  const test::TempDir directory;
  const LogPaths paths(directory / "log");
  write_file(paths.active(), "active");
  write_file(paths.index(), "index");
  write_file(paths.rotated({300}), "12345");
  write_file(paths.compressed({100}), "123");
  write_file(paths.compressed({300}), "1");
  write_file(paths.temporary({300}), "12");
  write_file(directory / "log.1", "foreign");
  write_file(directory / "other.00000000000000000000", "foreign");
  std::filesystem::create_directory(paths.rotated({400}));
  std::filesystem::create_symlink(paths.active(), paths.rotated({500}));

  const auto segments = list_segments(kernel(), paths);
  ASSERT_TRUE(segments) << text_of(segments.error());
  ASSERT_EQ(segments->size(), 3U);
  EXPECT_EQ((*segments)[0].path, paths.compressed({100}));
  EXPECT_EQ((*segments)[0].base, StreamOffset{100});
  EXPECT_EQ((*segments)[0].stored, 3U);
  EXPECT_TRUE((*segments)[0].compressed);
  EXPECT_EQ((*segments)[1].path, paths.rotated({300}));
  EXPECT_EQ((*segments)[1].stored, 5U);
  EXPECT_FALSE((*segments)[1].compressed);
  EXPECT_EQ((*segments)[2].path, paths.compressed({300}));

  const auto temporaries = list_temporaries(paths);
  ASSERT_TRUE(temporaries);
  EXPECT_THAT(*temporaries, ElementsAre(paths.temporary({300})));
}

TEST(ListSegments, TellsTheTimeOfTheLastWrite) {
  const test::TempDir directory;
  const LogPaths paths(directory / "log");
  write_file(paths.rotated({0}), "x");
  const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1'700'000'000, .tv_nsec = 123'456'789}};
  ASSERT_EQ(utimensat(AT_FDCWD, paths.rotated({0}).c_str(), times, 0), 0);
  const auto segments = list_segments(kernel(), paths);
  ASSERT_TRUE(segments);
  EXPECT_EQ(segments->at(0).mtime.time_since_epoch(), std::chrono::nanoseconds(1'700'000'000'123'456'789));
}

TEST(ListSegments, TakesAnEmptyFolderAndReportsAMissingOne) {
  const test::TempDir directory;
  const auto none = list_segments(kernel(), LogPaths(directory / "log"));
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, IsEmpty());

  const auto missing = list_segments(kernel(), LogPaths(directory / "missing/log"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NoInput);
  EXPECT_EQ(text_of(missing.error().what), "list the log's folder '" + (directory / "missing") + "'");
}

TEST(ListSegments, MissesNoneThatIsBeingCompressed) {
  constexpr std::uint64_t kSegments = 500;
  for (int round = 0; round < 10; ++round) {
    const test::TempDir directory;
    const LogPaths paths(directory / "log");
    for (std::uint64_t base = 0; base < kSegments; ++base) write_file(paths.rotated({base}), "x");
    std::atomic<bool> all_compressed = false;
    const std::jthread compression([&] {
      for (std::uint64_t base = 0; base < kSegments; ++base) {
        write_file(paths.temporary({base}), "z");
        std::filesystem::rename(paths.temporary({base}), paths.compressed({base}));
        std::filesystem::remove(paths.rotated({base}));
      }
      all_compressed = true;
    });
    while (!all_compressed) {
      const auto segments = list_segments(kernel(), paths);
      ASSERT_TRUE(segments) << text_of(segments.error());
      std::set<StreamOffset> bases;
      for (const Segment& segment : *segments) bases.insert(segment.base);
      ASSERT_EQ(bases.size(), kSegments);
    }
  }
}

// lstat() finds a file gone, or fails.
class FailingLstat : public Os {
 public:
  explicit FailingLstat(int errnum) : errnum_(errnum) {}
  int lstat(const char*, struct stat*) override { return -errnum_; }

 private:
  int errnum_;
};

TEST(ListSegments, IgnoresWhatVanishesMeanwhileAndReportsWhatFails) {
  const test::TempDir directory;
  const LogPaths paths(directory / "log");
  write_file(paths.rotated({0}), "x");
  FailingLstat vanished(ENOENT);
  const auto none = list_segments(vanished, paths);
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, IsEmpty());
  FailingLstat broken(EIO);
  const auto failed = list_segments(broken, paths);
  ASSERT_FALSE(failed);
  EXPECT_EQ(text_of(failed.error()),
            "cannot examine the segment '" + paths.rotated({0}) + "': Input/output error");
}

}  // namespace
}  // namespace slurper
