// What the log's writer, and what reads the log beside it, say of failures and of what others did.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <set>

#include "base/accounts.h"
#include "log/fault_os.h"
#include "log/line_begin.h"
#include "log/log_extent.h"
#include "log/log_files.h"
#include "log/log_index.h"
#include "log/log_writer.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using test::texts_of;
using testing::ElementsAre;
using testing::IsSupersetOf;

class LogWriterReports : public testing::Test {
 protected:
  LogWriterReports() {
    settings_.path = path_;
    settings_.sync.mode = SyncMode::Always;
  }

  void SetUp() override { clear(); }
  void clear() const {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directory(directory_.path());
  }
  std::unique_ptr<LogWriter> open(Os& os = kernel(), const std::optional<RingWitness>& ring = std::nullopt) {
    auto writer = LogWriter::open(os, settings_, boot_, ring);
    if (!writer) throw std::runtime_error(text_of(writer.error()));
    return std::move(*writer);
  }
  static void append(LogWriter& writer, std::string_view text) {
    const auto written = writer.append(text);
    ASSERT_TRUE(written) << text_of(written.error());
    ASSERT_EQ(*written, text.size());
  }
  void append_foreign(std::string_view bytes) const {
    const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  test::TempDir directory_ = test::TempDir::in_ram();  // hundreds of syncs
  std::string path_ = directory_ / "messages";
  std::string rotated_ = path_ + ".00000000000000000000";
  std::string quarantined_ = path_ + ".put-aside-1";
  LogSettings settings_;
  Uuid boot_ = new_uuid();
};

TEST_F(LogWriterReports, WhichCallFailedOnWhatAndWhatToDo) {
  settings_.group = group_name(::getegid());
  std::set<std::string> said;
  const auto note = [&](const auto& result) {
    if (!result) said.insert(text_of(result.error()));
  };
  const auto with_each_call_failing = [&](const std::function<void()>& before,
                                          const std::function<void(FaultOs&)>& act) {
    for (int at = 1;; ++at) {
      clear();
      before();
      FaultOs os(at);
      act(os);
      if (os.failed_call().empty()) return;
    }
  };
  with_each_call_failing([] {},
                         [&](FaultOs& os) {
                           const auto writer = LogWriter::open(os, settings_, boot_);
                           note(writer);
                           if (!writer) return;
                           note((*writer)->append(std::string_view("one\n")));
                           note((*writer)->rotate());
                           note((*writer)->append(std::string_view("two\n")));
                           append_foreign("foreign\n");
                           note((*writer)->append(std::string_view("three\n")));
                           (void)::truncate(path_.c_str(), 2);
                           note((*writer)->append(std::string_view("four\n")));
                           note((*writer)->close());
                         });
  with_each_call_failing([&] { append(*open(), "torn"); },
                         [&](FaultOs& os) { note(LogWriter::open(os, settings_, new_uuid())); });
  std::vector<std::string> expected;
  for (const char* what :
       {"create", "open", "set the mode of", "set the group of", "read", "write to", "sync",
        "sync the folder of", "examine", "end the torn last line of", "quarantine a file in the place of"})
    expected.push_back(
        fmt::format("cannot {} the log '{}': Input/output error. Look into the kernel's "
                    "messages: the disk may be failing",
                    what, path_));
  expected.push_back(
      fmt::format("cannot end the segment of the log '{}' that another process has written to: "
                  "Input/output error. Look into the kernel's messages: the disk may be failing",
                  path_));
  EXPECT_THAT(said, IsSupersetOf(expected));
}

TEST_F(LogWriterReports, AGroupThatDoesNotExist) {
  settings_.group = "no-such-group";
  EXPECT_EQ(text_of(LogWriter::open(kernel(), settings_, boot_).error()),
            "cannot write the log '" + path_ + "': there is no group 'no-such-group'. Correct log.group");
}

TEST_F(LogWriterReports, WhatOthersDidToItsFile) {
  const auto after = [&](const std::function<void()>& act) {
    clear();
    const auto writer = open();
    append(*writer, "one\n");
    act();
    EXPECT_TRUE(writer->reopen());  // as on SIGHUP: an absent file is no rotation under way
    append(*writer, "two\n");
    return texts_of(writer->take_findings());
  };
  EXPECT_THAT(after([&] { std::filesystem::remove(path_); }),
              ElementsAre("its file was removed; it continues in a new one at offset 4"));
  EXPECT_THAT(after([&] { std::filesystem::rename(path_, path_ + ".1"); }),
              ElementsAre("its file was moved away; it continues in a new one at offset 4"));
  EXPECT_THAT(
      after([&] {
        std::filesystem::rename(path_, path_ + ".1");
        append_foreign("foreign\n");
      }),
      ElementsAre("its file was moved away; it continues in a new one at offset 4",
                  "another program's file was in its place; that file is '" + quarantined_ + "' now"));
  EXPECT_THAT(after([&] { std::filesystem::resize_file(path_, 0); }),
              ElementsAre("another process cut its file to nothing; it continues in that file at offset 4"));
  EXPECT_THAT(after([&] { append_foreign("foreign\n"); }),
              ElementsAre("another process wrote 8 bytes to its file; that file is '" + rotated_ +
                          "' now, and the log continues in a new one at offset 4"));
  EXPECT_THAT(after([&] { std::filesystem::resize_file(path_, 2); }),
              ElementsAre("another process has cut its file or written to it; that file is '" + quarantined_ +
                          "' now, and the log continues in a new one at offset 4"));
}

TEST_F(LogWriterReports, WhatOthersDidToItsFileInARotation) {
  class CuttingOs : public Os {
   public:
    int rename_noreplace(const char* from, const char* to) override {
      std::filesystem::resize_file(from, 2);
      return Os::rename_noreplace(from, to);
    }
  } os;
  const auto writer = open(os);
  append(*writer, "one\n");
  EXPECT_TRUE(writer->rotate());
  EXPECT_THAT(
      texts_of(writer->take_findings()),
      ElementsAre("another process cut, wrote to or replaced its file while it was rotated; that file is "
                  "'" +
                  quarantined_ + "' now"));
}

TEST_F(LogWriterReports, AFileThatIsNeverStill) {
  class RemovingOs : public Os {
   public:
    std::string path;
    ssize_t write(int fd, const void* data, std::size_t size) override {
      const ssize_t written = Os::write(fd, data, size);
      std::filesystem::remove(path);
      return written;
    }
  } os;
  os.path = path_;
  const auto writer = open(os);
  const auto written = writer->append(std::string_view("one\n"));
  ASSERT_FALSE(written);
  EXPECT_EQ(text_of(written.error()),
            "cannot write to the log '" + path_ +
                "': another process removes, cuts or writes it all the time. Find out "
                "which one with fuser(1) or lsof(8)");
}

TEST_F(LogWriterReports, AnotherSlurperThatHasContinuedWithItsIndex) {
  const auto writer = open();
  append(*writer, "one\n");
  const LogPaths paths(path_);
  const auto reading = read_index(kernel(), paths);
  ASSERT_TRUE(reading && reading->record);
  std::filesystem::remove(paths.index());
  std::filesystem::remove(paths.lock());
  {
    auto other = LogIndex::open(kernel(), paths, {});
    ASSERT_TRUE(other) << text_of(other.error());
    IndexRecord record = *reading->record;
    ++record.session;
    ASSERT_TRUE(other->write(record, LogIndex::Durability::Cached));
  }
  const auto reopened = writer->reopen();
  ASSERT_FALSE(reopened);
  EXPECT_EQ(text_of(reopened.error()),
            "cannot write the log '" + path_ +
                "': its index was replaced by one with which another slurper has continued. Let one slurper "
                "write a log. `slurper recover` writes what this one can't write any more");
}

// Without an index, the ring says which log it is.
TEST_F(LogWriterReports, AFileThatIsNotTheOneThatTheRingKnows) {
  append_foreign("foreign\n");
  const auto writer =
      open(kernel(), RingWitness{.log_id = new_uuid(), .tail = {100}, .head = {200}, .session = 1});
  EXPECT_THAT(
      texts_of(writer->take_findings()),
      ElementsAre("its index was missing; its id comes from the ring, and the stream continues with it",
                  "a file was in its place that does not end where the stream continues; that file is "
                  "'" +
                      quarantined_ + "' now"));
}

// Cut by logrotate's copytruncate; then a write(2) that slurper did not live to see the end of.
TEST_F(LogWriterReports, AFileThatWasCutBeforeTheLastWrite) {
  {
    const auto writer = open();
    append(*writer, "a long line\n");
  }
  std::filesystem::resize_file(path_, 0);
  append_foreign("two\n");
  const auto writer = open();
  ASSERT_TRUE(writer->reconcile({12}, std::string_view("two\n"), writer->session() + 1));
  EXPECT_THAT(texts_of(writer->take_findings()),
              ElementsAre("another process cut its file; it continues in the same file at offset 12"));
  EXPECT_EQ(writer->end(), StreamOffset{16});
}

TEST_F(LogWriterReports, AnExtentThatCannotBeRead) {
  const LogPaths paths(path_);
  ASSERT_TRUE(LogIndex::open(kernel(), paths, {}));
  EXPECT_EQ(text_of(read_extent(kernel(), paths).error()),
            "cannot examine the log '" + path_ + "': its index has no record yet");
  class RotatingOs : public Os {
   public:
    LogWriter* writer = nullptr;
    int lstat(const char* path, struct stat* st) override {
      if (writer != nullptr && writer->append(std::string_view("x\n"))) (void)writer->rotate();
      return Os::lstat(path, st);
    }
  } os;
  const auto writer = open();
  os.writer = writer.get();
  EXPECT_EQ(text_of(read_extent(os, paths).error()),
            "cannot examine the log '" + path_ +
                "': it is rotated again and again. Try again when less is written to it");
}

TEST_F(LogWriterReports, ASearchThatTheEndOfSlurperCutsShort) {
  const auto writer = open();
  append(*writer, "a line without its en");
  writer->publish();
  const auto found =
      line_begin(kernel(), LogPaths(path_), writer->feed(), writer->end(), [] { return true; });
  ASSERT_FALSE(found);
  EXPECT_EQ(text_of(found.error()), "cannot look for the beginning of a line: slurper is ending");
}

}  // namespace
}  // namespace slurper
