#include "cli/cursor.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "cli/program.h"
#include "log/cursor_file.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// "one two three four": the first two rotated, the end in the middle of a line.
class CursorCommand : public testing::Test {
 protected:
  void SetUp() override {
    LogSettings settings;
    settings.path = paths_.active();
    auto writer = LogWriter::open(kernel(), settings, Uuid{1});
    ASSERT_TRUE(writer) << test::text_of(writer.error());
    write(**writer, "one\ntwo\n");
    ASSERT_TRUE((*writer)->rotate());
    write(**writer, "three\nfour\nfi");
    id_ = (*writer)->log_id();
    ASSERT_TRUE((*writer)->close());
  }
  static void write(LogWriter& writer, std::string_view text) {
    const auto written = writer.append(text);
    ASSERT_TRUE(written) << test::text_of(written.error());
    ASSERT_EQ(*written, text.size());
  }
  CursorFile cursor() {
    auto cursor = CursorFile::open(kernel(), paths_, "mail", id_, {});
    EXPECT_TRUE(cursor) << test::text_of(cursor.error());
    return std::move(*cursor);
  }
  void make_cursor(std::uint64_t offset) {
    ASSERT_TRUE(cursor().write({.offset = StreamOffset{offset}}, Durability::Cached));
  }

  // Runs the command; its exit status, and what it wrote to out_ and err_.
  int run(const std::optional<std::string>& to = {}, const std::string& sink = "mail") {
    const test::Outcome outcome = test::capture(
        [&](std::FILE* out, std::FILE* err) { return cursor_command(paths_.active(), sink, to, out, err); });
    out_ = outcome.out;
    err_ = outcome.err;
    return outcome.status;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  Uuid id_{};
  std::string out_;
  std::string err_;
};

TEST_F(CursorCommand, ShowsAndSets) {
  make_cursor(4);
  EXPECT_EQ(run(), 0) << err_;
  EXPECT_EQ(out_, "the sink 'mail' is at offset 4, 17 bytes before the log's end\n");
  EXPECT_EQ(run("beginning"), 0) << err_;
  EXPECT_EQ(out_, "the sink 'mail' will resume at offset 0, 21 bytes before the log's end\n");
  EXPECT_EQ(run("end"), 0) << err_;
  EXPECT_EQ(out_, "the sink 'mail' will resume at offset 19, 2 bytes before the log's end\n")
      << "a whole line";
  EXPECT_EQ(run("8"), 0) << err_;
  EXPECT_EQ(cursor().record()->offset, StreamOffset{8});
  EXPECT_TRUE(cursor().record()->set_by_hand);
  std::filesystem::remove(paths_.rotated(StreamOffset{0}));
  EXPECT_EQ(run("beginning"), 0) << err_;
  EXPECT_EQ(cursor().record()->offset, StreamOffset{8});
}

TEST_F(CursorCommand, MendsADamagedOne) {
  write_file(paths_.cursor("mail"), "not a cursor\n");
  EXPECT_EQ(run(), 65);
  EXPECT_THAT(err_, HasSubstr("Set it: slurper cursor '" + paths_.active() + "' mail --to beginning"));
  EXPECT_EQ(run("4"), 0) << err_;
  EXPECT_EQ(cursor().record()->offset, StreamOffset{4});
}

TEST_F(CursorCommand, RefusesWhatIsNoLineOfThisLogAndChangesNothing) {
  make_cursor(4);
  const std::string before = read_file(paths_.cursor("mail"));
  for (const auto& [to, why] :
       {std::pair("5", "it is in the middle of the line at offset 4. To begin with that line: --to 4"),
        {"21", "it is in the middle of the line at offset 19"},
        {"22", "the log has the offsets 0 to 21"},
        {"99999999999999999999", "it is neither beginning, nor end, nor an offset"},
        {"-1", "it is neither"},
        {"4x", "it is neither"},
        {"", "it is neither"}}) {
    EXPECT_EQ(run(to), 64) << to;
    EXPECT_THAT(err_, HasSubstr(why));
  }
  EXPECT_EQ(read_file(paths_.cursor("mail")), before);
}

TEST_F(CursorCommand, NamesThoseThatThereAre) {
  EXPECT_EQ(run(), 66);
  EXPECT_THAT(err_, HasSubstr("This log has no cursors"));
  make_cursor(4);
  for (const std::optional<std::string>& to :
       {std::optional<std::string>(), std::optional<std::string>("end")}) {
    EXPECT_EQ(run(to, "mial"), 66);
    EXPECT_THAT(err_, HasSubstr("The cursors of this log are: mail"));
    EXPECT_FALSE(exists(paths_.cursor("mial")));
  }
  EXPECT_EQ(run({}, "a/b"), 64);
  EXPECT_THAT(err_, HasSubstr("cannot find the cursor of the sink 'a/b': no sink can have this name"));
}

TEST_F(CursorCommand, LeavesASinkThatRunsAlone) {
  make_cursor(4);
  const CursorFile running = cursor();
  EXPECT_EQ(run("beginning"), 75);
  EXPECT_THAT(err_, HasSubstr("stop slurper first"));
  EXPECT_EQ(run(), 0) << "looking is free";
}

TEST_F(CursorCommand, WithoutALogThereIsNothingToSet) {
  std::filesystem::remove(paths_.index());
  EXPECT_EQ(run("end"), 66);
}

}  // namespace
}  // namespace slurper
