// The sink `file` by itself: what it reports. tests/e2e/sinks_test.cc has it in a slurper.
#include "sink/file/file_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>

#include "base/accounts.h"
#include "log/segment_name.h"
#include "sink/sink_site.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::text_of;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FileSinkTest : public testing::Test {
 protected:
  FileSinkTest() : context_(site_.context()) {
    context_.say = [this](Level, const Phrase& text) {  // its housekeeper has a thread of its own
      const std::lock_guard lock(mutex_);
      said_ += text_of(text) + '\n';
    };
  }

  void make(SinkSite::Pairs settings = {}) {
    settings.emplace_back("path", path_);
    auto sink = site_.make(file_sink(), settings);
    ASSERT_TRUE(sink) << text_of(sink.error());
    sink_ = std::move(*sink);
  }
  Result<std::optional<Reached>> open() { return test::open(*sink_, context_); }
  void deliver(std::vector<std::string> lines) {
    const auto delivery = test::deliver(*sink_, context_, site_.records(std::move(lines)));
    ASSERT_TRUE(delivery) << text_of(delivery.error());
  }
  void write_and_close(const std::string& line) {
    ASSERT_TRUE(open());
    deliver({line});
    ASSERT_TRUE(test::flush(*sink_, context_));
    sink_->close();
  }
  std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  bool says(const std::string& text) {
    return eventually([&] { return said().find(text) != std::string::npos; });
  }

  test::TempDir dir_;
  std::string path_ = dir_ / "out";
  LogPaths paths_{path_};
  SinkSite site_;
  SinkContext context_;
  std::mutex mutex_;
  std::string said_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(FileSinkTest, LinesThatComeBackInTheirOrderStopIt) {
  make();
  ASSERT_TRUE(open());
  std::vector<std::string> lines;
  for (int i = 0; i < 40; ++i) lines.push_back(fmt::format("<13>Nov 21 22:14:15 host prog[7]: line {}", i));
  Result<test::Delivered> delivered = test::Delivered{};
  for (int rounds = 0; delivered && rounds < 10; ++rounds) {
    delivered = test::deliver(*sink_, context_, site_.records(lines));
    for (std::string& line : lines) line = "<13>Nov 21 22:14:16 host imfile: " + line;
  }
  ASSERT_FALSE(delivered) << "it went round for ever";
  EXPECT_EQ(delivered.error().kind, ErrorKind::Loop);
  EXPECT_THAT(
      text_of(delivered.error()),
      AllOf(StartsWith("cannot write to '" + path_ +
                       "': 64 different lines that it wrote have come back through the FIFO, in their "
                       "order, the last as '<13>Nov 21 22:14:16 host imfile: <13>Nov 21"),
            EndsWith("'. Remove the syslogd's input that reads this file (rsyslog's imfile, syslog-ng's "
                     "file()). Then run systemctl reload slurper")));
}

TEST_F(FileSinkTest, ARotationThatFailsIsReportedAndTheFileGrows) {
  make({{"rotate_size", "4KiB"}});
  ASSERT_TRUE(open());
  fs::create_directory(paths_.rotated(StreamOffset{0}));
  deliver(std::vector<std::string>(100, std::string(100, 'x')));
  ASSERT_TRUE(says("does not rotate '" + path_ + "' now, which has grown to ")) << said();
  EXPECT_THAT(said(), testing::ContainsRegex("[0-9.]+KiB: cannot rotate the log '" + path_ + "' to '" +
                                             path_ + ".00000000000000000000': File exists\n"))
      << said();
  EXPECT_EQ(fs::file_size(path_), 10'100U);
}

TEST_F(FileSinkTest, ASegmentThatCannotBeCompressedIsKept) {
  make({{"rotate_size", "4KiB"}, {"compress", "zstd"}});
  ASSERT_TRUE(open());
  fs::create_directories(paths_.temporary(StreamOffset{0}) + "/in the way");
  deliver(std::vector<std::string>(50, std::string(100, 'x')));
  deliver({"next"});
  EXPECT_TRUE(says("keeps a segment as it is: cannot create the file '" + paths_.temporary(StreamOffset{0}) +
                   "': File exists\n"))
      << said();
  sink_->close();
}

TEST_F(FileSinkTest, WhatAnotherProcessDidToTheFileIsReported) {
  make();
  write_and_close("one");
  fs::rename(path_, path_ + ".1");
  ASSERT_TRUE(open());
  EXPECT_THAT(said(), HasSubstr("reports of '" + path_ +
                                "': it had been renamed to 'out.1' while slurper was not running; the stream "
                                "continues in a new file\n"));
}

TEST_F(FileSinkTest, ACursorThatIsNotWholeCanBeMovedAway) {
  make();
  write_and_close("one");
  const std::string cursor = paths_.cursor("source");
  test::write_file(cursor, std::string(fs::file_size(cursor), 'x'));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(text_of(opened.error()),
            "cannot use the cursor '" + cursor +
                "': no slot of it is whole. Move it away: the sink may then repeat lines "
                "in the file");
  fs::remove(cursor);
  EXPECT_TRUE(open());
}

TEST_F(FileSinkTest, WhatTheFileHasLostIsReported) {
  make();
  write_and_close("one");
  write_and_close("two");
  fs::resize_file(path_, 4);  // or the copy of a backup
  EXPECT_EQ(open().value(), std::nullopt);
  EXPECT_THAT(said(), HasSubstr("finds '" + path_ +
                                "' 4B shorter than it left it: the file was cut, or an older copy took its "
                                "place. The sink writes only new lines. To have the missing ones written "
                                "again, stop slurper and set the sink's cursor back: slurper cursor"));
  EXPECT_THAT(said(), Not(HasSubstr("may repeat")));
  deliver({"three"});
  EXPECT_EQ(test::content_of(path_), "one\nthree\n");
}

TEST_F(FileSinkTest, OtherSettingsMayRepeatWhatWasCutShort) {
  make();
  write_and_close("one");
  std::ofstream(path_, std::ios::app) << "tw";  // as after a kill in the middle of a write
  make({{"format", "json"}});
  EXPECT_EQ(open().value(), std::nullopt);
  EXPECT_THAT(said(), HasSubstr("may repeat lines in '" + path_ +
                                "': the machine went down, or other "
                                "settings wrote the last lines"));
}

TEST_F(FileSinkTest, AFolderThatMayNotBeWrittenNamesTheUser) {
  make();
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0555), 0);
  const uid_t user = ::geteuid();
  if (user == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto opened = open();
  if (user == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_FALSE(opened);
  EXPECT_THAT(
      text_of(opened.error()),
      EndsWith(fmt::format("Permission denied. Let {}, as which slurper runs, write there: chown or chmod "
                           "the folder and the file. A service may also need ReadWritePaths= in a "
                           "drop-in, which `slurper check --drop-in` prints",
                           the_user(user == 0 ? 65534 : user))));
}

}  // namespace
}  // namespace slurper
