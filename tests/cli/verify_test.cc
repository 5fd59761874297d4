#include "cli/verify.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "cli/program.h"
#include "cli/recover.h"
#include "cli/verify_ring.h"
#include "log/cursor_file.h"
#include "log/log_files.h"
#include "log/log_index.h"
#include "ring/ring.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class VerifyCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    write_file(paths_.rotated({0}), "one\ntwo\n");
    write_file(paths_.active(), "three\nfo");
    struct stat st{};
    ASSERT_EQ(stat(paths_.active().c_str(), &st), 0);
    auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index);
    IndexRecord record;
    record.log_id = {1, 2, 3};
    record.active_base = {8};
    record.active_inode = st.st_ino;
    ASSERT_TRUE(index->write(record, LogIndex::Durability::Cached));
  }

  // Runs the command; its exit status, and what it wrote to out_ and err_.
  int run(const std::string& log_path) {
    const test::Outcome outcome = test::capture(
        [&](std::FILE* out, std::FILE* err) { return verify_command(log_path, ring_, out, err); });
    out_ = outcome.out;
    err_ = outcome.err;
    return outcome.status;
  }

  void expect_80_columns() const {
    std::istringstream lines(out_);
    for (std::string line; std::getline(lines, line);) {
      // The head names the log, whose path may be as long as it likes.
      if (line.starts_with("log ")) continue;
      EXPECT_LE(line.size(), 80U) << line;
    }
  }

  // Without the line breaks, which depend on the length of names.
  [[nodiscard]] std::string unwrapped() const {
    std::string text = out_;
    for (auto at = text.find("\n        "); at != std::string::npos; at = text.find("\n        ", at))
      text.replace(at, 9, " ");
    return text;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::string out_;
  std::string err_;
  std::string ring_;
};

TEST_F(VerifyCommandTest, PrintsALedger) {
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(err_, IsEmpty());
  expect_80_columns();
  EXPECT_EQ(out_, "log     " + paths_.active() +
                      "\n"
                      "id      01020300-0000-0000-0000-000000000000\n"
                      "\n"
                      "        first offset            bytes          on disk          lines  segment\n"
                      "                   0                8                8              2  raw\n"
                      "                   8                8                8              1  active\n"
                      "              end 16               16               16              3  total\n"
                      "\n"
                      "The last line has no newline yet: 2 bytes.\n"
                      "Every byte is accounted for.\n");
}

TEST_F(VerifyCommandTest, ListsTheSinksCursors) {
  const Uuid id = {1, 2, 3};
  for (const auto& [sink, offset] : {std::pair("auth", 16), std::pair("mail", 9)}) {
    auto cursor = CursorFile::open(kernel(), paths_, sink, id, {});
    ASSERT_TRUE(cursor);
    ASSERT_TRUE(cursor->write({.offset = {static_cast<std::uint64_t>(offset)}, .rejected = 1, .missed = 4},
                              Durability::Cached));
  }
  EXPECT_EQ(run(paths_.active()), 0);
  expect_80_columns();
  EXPECT_THAT(out_, HasSubstr("\n"
                              "     delivered up to     bytes behind   rejected   bytes missed  sink\n"
                              "                  16                0          1              4  auth\n"
                              "                   9                7          1              4  mail\n"));
  write_file(paths_.cursor("mail"), "ruined");
  EXPECT_EQ(run(paths_.active()), 65);
  expect_80_columns();
  EXPECT_THAT(out_, HasSubstr("WRONG:  the cursor of the sink 'mail' can't be used"));
}

TEST_F(VerifyCommandTest, SaysWhatIsWrongAndHowToMendIt) {
  write_file(paths_.rotated({0}), "one\n");
  write_file(paths_.compressed({3}), "not a zstd frame");
  EXPECT_EQ(run(paths_.active()), 65);
  EXPECT_THAT(err_, IsEmpty());
  expect_80_columns();
  EXPECT_THAT(
      out_, AllOf(HasSubstr("WRONG:  'messages.00000000000000000003.zst', from offset 3 on, is damaged:"),
                  HasSubstr("\n        Restore it from a backup"), HasSubstr("DAMAGED"),
                  HasSubstr("WRONG:  no segment holds the offsets 4 to 8 (4 bytes)."), HasSubstr(" wrong.\n"),
                  Not(HasSubstr("Every byte"))));
}

TEST_F(VerifyCommandTest, SaysThatThereIsNoLog) {
  EXPECT_EQ(run(directory_ / "none"), 66);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_THAT(err_,
              StartsWith("slurper: cannot verify the log '" + (directory_ / "none") + "': there is no log."));
}

TEST_F(VerifyCommandTest, KeepsATerminalSafeFromNames) {
  std::filesystem::rename(paths_.active(), directory_ / "a\x1b[31m");
  EXPECT_EQ(run(directory_ / "a\x1b[31m"), 65);  // it has no index
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(VerifyCommandTest, HoldsTheLogAgainstItsRing) {
  const auto boot = read_boot_id(kernel());
  ASSERT_TRUE(boot);
  ring_ = directory_ / "ring";
  const Uuid id = {1, 2, 3};
  EXPECT_EQ(run(paths_.active()), 65);
  EXPECT_THAT(unwrapped(), HasSubstr("examine the ring in"));

  const auto make_ring = [&](const Uuid& log_id, const Uuid& ring_boot, std::uint64_t begin) {
    std::filesystem::remove_all(ring_);
    auto opened =
        Ring::open(kernel(), ring_, {.directory = {}, .size = {1 << 20}, .when_full = WhenFull::Block},
                   log_id, ring_boot, {.readable_from = 0, .end = begin});
    ASSERT_TRUE(opened);
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const UniqueFd read_fd(fds[0]);
    const UniqueFd write_fd(fds[1]);
    ASSERT_EQ(write(write_fd.get(), "our\nfive\n", 9), 9);
    ASSERT_EQ(opened->ring->take(read_fd.get(), 9), 9);
  };
  make_ring(id, *boot, 16);
  EXPECT_EQ(run(paths_.active()), 0) << out_;
  expect_80_columns();
  EXPECT_THAT(unwrapped(), HasSubstr("holds 9 bytes, which the next start"));

  make_ring(id, *boot, 14);  // the process died before it could note its last two bytes
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(unwrapped(), HasSubstr("holds 7 bytes, which the next start"));

  make_ring(id, *boot, 100);
  EXPECT_EQ(run(paths_.active()), 65);
  EXPECT_THAT(unwrapped(),
              HasSubstr("WRONG:  the log ends at offset 16, and slurper had written it up to 100"));

  make_ring(id, *boot, 0);
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(unwrapped(), HasSubstr("ends 7 bytes behind what slurper had read"));

  make_ring(new_uuid(), *boot, 16);
  EXPECT_EQ(run(paths_.active()), 65);
  EXPECT_THAT(
      unwrapped(),
      HasSubstr(
          "belongs to another log. Name this log's ring with --ring. If this is its ring, the log's index "
          "comes from another log.\n"));

  make_ring(id, new_uuid(), 16);
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(unwrapped(), AllOf(HasSubstr("of an earlier boot"), HasSubstr("9 bytes")));

  write_file(ring_ + "/ring", "somebody else's");
  EXPECT_EQ(run(paths_.active()), 65);
  EXPECT_THAT(unwrapped(), HasSubstr("it is not"));
}

TEST_F(VerifyCommandTest, NamesRingsInQuarantineUntilTheyAreRemoved) {
  const auto boot = read_boot_id(kernel());
  ASSERT_TRUE(boot);
  ring_ = directory_ / "ring";
  const auto make_ring = [&] {
    ASSERT_TRUE(Ring::open(kernel(), ring_,
                           {.directory = {}, .size = {1 << 20}, .when_full = WhenFull::Block}, {1, 2, 3},
                           *boot, {.readable_from = 0, .end = 16}));
  };
  const std::string quarantined = ring_ + "/ring.put-aside-1";
  make_ring();
  std::filesystem::rename(ring_ + "/ring", quarantined);
  make_ring();
  EXPECT_EQ(run(paths_.active()), 0) << out_;
  EXPECT_THAT(unwrapped(),
              HasSubstr("the ring '" + quarantined +
                        "' is in quarantine. To write what it holds and no log has, run 'slurper "
                        "recover --ring " +
                        ring_ + " " + paths_.active() + "'; to remove it, add --remove"));
  const auto recover = [&](RecoverAction action, uid_t user) {
    return test::capture([&](std::FILE* out, std::FILE* err) {
      EXPECT_EQ(::seteuid(user), 0);
      const int status = recover_command(paths_.active(), ring_, action, out, err);
      EXPECT_EQ(::seteuid(::getuid()), 0);
      return status;
    });
  };
  EXPECT_THAT(recover(RecoverAction::List, ::geteuid()).out, HasSubstr("  the log has all that it holds\n"));
  ASSERT_EQ(::chmod(quarantined.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(ring_.c_str(), 0555), 0);
  const test::Outcome denied = recover(RecoverAction::Remove, ::geteuid() == 0 ? 65534 : ::geteuid());
  EXPECT_EQ(denied.status, 77);
  EXPECT_EQ(denied.err, "slurper: cannot remove the ring '" + quarantined + "': Permission denied\n");
  ASSERT_EQ(::chmod(ring_.c_str(), 0755), 0);
  EXPECT_EQ(recover(RecoverAction::Remove, ::geteuid()).out, "removed " + quarantined + "\n");
}

TEST_F(VerifyCommandTest, NamesCursorsThatNoSinkHas) {
  ASSERT_TRUE(CursorFile::open(kernel(), paths_, "left", Uuid{1, 2, 3}, {}));
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(unwrapped(), Not(HasSubstr("is of no use"))) << "without a slurper, a sink may come back to it";
  const auto writer = LogIndex::open(kernel(), paths_, {});
  ASSERT_TRUE(writer);
  EXPECT_EQ(run(paths_.active()), 0);
  EXPECT_THAT(unwrapped(), HasSubstr("the cursor '" + paths_.cursor("left") +
                                     "' is of no use: no sink of the slurper that writes the log has it. To "
                                     "remove it, run 'slurper recover " +
                                     paths_.active() + " --remove'"));
}

// A log that ends at offset 100, whose index is of session 5, and the notes on a ring of this boot and log.
class RingOfALog : public testing::Test {
 protected:
  RingOfALog() {
    log_.end = {100};
    log_.index = IndexRecord{};
    log_.index->session = 5;
    ring_.session = 5;
    ring_.tail = ring_.head = {100};
  }
  [[nodiscard]] std::vector<std::string> notes() const {
    LogVerification log = log_;
    check_ring(ring_, {}, log);
    EXPECT_THAT(log.problems, IsEmpty());
    std::vector<std::string> all;
    for (const Phrase& note : log.notes) all.push_back(test::text_of(note));
    return all;
  }

  LogVerification log_;
  RingView ring_ = [] {
    RingView ring;
    ring.path = "/r";
    return ring;
  }();
};

TEST_F(RingOfALog, ThatFitsIsWorthNoNote) {
  EXPECT_THAT(notes(), IsEmpty());
}

TEST_F(RingOfALog, WasLeftBehind) {
  ring_.session = 4;
  ring_.head = {109};
  EXPECT_THAT(notes(), ElementsAre("the log continued without the ring '/r', which holds 9 bytes"));
}

TEST_F(RingOfALog, HasDroppedLines) {
  ring_.dropped_lines = 2;
  ring_.dropped_bytes = 30;
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("since it was created: 2 lines, 30 bytes")));
}

TEST_F(RingOfALog, HasNeverComeToWhereTheLogContinues) {
  ring_.tail = {40};
  ring_.head = {50};
  log_.index->active_base = {60};
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("an offset that the ring '/r' has never reached")));
}

TEST_F(RingOfALog, HasReleasedMoreThanAnOldCopyHolds) {
  ring_.session = 7;
  ring_.tail = ring_.head = {120};
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("written it up to 120: it is an old copy")));
}

TEST_F(RingOfALog, HasReleasedMoreThanARunningSlurpersLogHolds) {
  log_.writer = 1;
  ring_.tail = ring_.head = {120};
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("the log ends 20 bytes before what was written to it")));
}

TEST_F(RingOfALog, HasAReadThatWasCutShort) {
  ring_.unsettled = 7;
  EXPECT_THAT(notes(), ElementsAre("a read of 7 bytes was cut short when they were in the ring '/r'; the "
                                   "next start recovers them"));
  ring_.unsettled_is_certain = false;
  EXPECT_THAT(notes(), ElementsAre("a read of 7 bytes was cut short; the next start finds out whether the "
                                   "ring '/r' has them"));
}

}  // namespace
}  // namespace slurper
