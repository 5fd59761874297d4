#include "log/new_identity.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <span>

#include "log/cursor_file.h"
#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/log_index.h"
#include "log/log_writer.h"
#include "log/time_index.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using testing::HasSubstr;

constexpr Uuid kBoot{1};
constexpr Uuid kStranger{9};
constexpr StreamOffset kEnd{8};

class NewIdentity : public testing::Test {
 protected:
  void SetUp() override {
    settings_.path = paths_.active();
    auto writer = open();
    ASSERT_TRUE(writer) << text_of(writer.error());
    ASSERT_TRUE((*writer)->append(std::string_view("one\ntwo\n")));
    id_ = (*writer)->log_id();
    auto times = TimeIndex::open(kernel(), paths_, id_, {}, {.log_end = kEnd, .head = kEnd});
    times->mark({.offset = StreamOffset{4}, .time = Timestamp(std::chrono::seconds(1000))});
    times->write();
    ASSERT_TRUE((*writer)->close());
    writer->reset();
    for (const auto& [sink, offset] : {std::pair("auth", 4), std::pair("mail", 8)}) {
      auto cursor = CursorFile::open(kernel(), paths_, sink, id_, {});
      ASSERT_TRUE(cursor) << text_of(cursor.error());
      ASSERT_TRUE(cursor->write({.offset = {static_cast<std::uint64_t>(offset)}, .rejected = 3, .missed = 5},
                                Durability::Cached));
    }
  }
  Result<std::unique_ptr<LogWriter>> open() { return LogWriter::open(kernel(), settings_, kBoot); }

  // The log opens, and each of its cursors is where it was. Returns the log's id.
  Uuid expect_complete() {
    const auto writer = open();
    if (!writer) {
      ADD_FAILURE() << text_of(writer.error());
      return {};
    }
    EXPECT_EQ((*writer)->end(), kEnd);
    const LogIds ids = (*writer)->log_ids();
    for (const auto& [sink, offset] : {std::pair("auth", 4U), std::pair("mail", 8U)}) {
      const auto cursor = CursorFile::open(kernel(), paths_, sink, ids, {});
      if (!cursor) {
        ADD_FAILURE() << text_of(cursor.error());
        continue;
      }
      EXPECT_EQ(cursor->record()->log_id, ids.id);
      EXPECT_EQ(cursor->record()->offset, StreamOffset{offset});
      EXPECT_EQ(cursor->record()->rejected, 3U);
      EXPECT_EQ(cursor->record()->missed, 5U);
      EXPECT_EQ(cursor->record()->is_renamed, ids.id != id_);
    }
    return ids.id;
  }
  void expect_times(const LogIds& ids) {
    const auto times = TimeIndex::open(kernel(), paths_, ids, {}, {.log_end = kEnd, .head = kEnd});
    const auto found = times->find(StreamOffset{6});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->mark.time, Timestamp(std::chrono::seconds(1000)));
    EXPECT_TRUE(times->take_findings().empty());
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  LogSettings settings_;
  Uuid id_{};
};

TEST(NewIdentityFormat, HasTheseBytes) {
  IndexRecord index;
  index.former_id = {1, 2, 3};
  const IndexSlotBytes slot = encode_index_slot(index);
  EXPECT_TRUE(std::ranges::equal(std::span(slot).last(16), index.former_id));
  EXPECT_EQ(decode_index_slot(slot), index);
  CursorRecord cursor;
  cursor.is_renamed = true;
  const CursorSlotBytes bytes = encode_cursor_slot(cursor);
  EXPECT_EQ(bytes[88], 4);
  EXPECT_EQ(decode_cursor_slot(bytes), cursor);
}

TEST_F(NewIdentity, TheCursorsAndTheTimesHaveItToo) {
  const auto given = give_new_identity(kernel(), paths_);
  ASSERT_TRUE(given) << text_of(given.error());
  EXPECT_NE(given->id, id_);
  EXPECT_EQ(given->former, id_);
  EXPECT_EQ(read_cursor(kernel(), paths_, "auth")->record->log_id, given->id);
  EXPECT_EQ(expect_complete(), given->id);
  expect_times(given->id);
  const auto again = give_new_identity(kernel(), paths_);
  ASSERT_TRUE(again) << text_of(again.error());
  EXPECT_EQ(again->former, given->id);
  EXPECT_EQ(expect_complete(), again->id);
  expect_times(again->id);
}

// A process that is killed leaves what the calls before did; a call that fails may be any.
TEST_F(NewIdentity, IsOldOrNewWhicheverCallFails) {
  for (const bool dead : {false, true}) {
    bool has_failed = true;
    for (int at = 1; has_failed; ++at) {
      const Uuid before = expect_complete();
      FaultOs os(at, EIO, dead);
      const auto given = give_new_identity(os, paths_);
      has_failed = !os.failed_call().empty();
      EXPECT_TRUE(given || has_failed) << text_of(given.error());
      const Uuid after = expect_complete();
      if (given) {
        EXPECT_EQ(after, given->id) << os.failed_call();
      } else if (after != before) {
        EXPECT_EQ(os.failed_call(), "fdatasync") << "the index may be written, and its sync have failed";
      }
      expect_times(read_index(kernel(), paths_)->record->ids());
    }
  }
}

// What a killed command has left to do is done when the files are opened.
TEST_F(NewIdentity, AFileWithTheFormerIdIsTheLogs) {
  const std::string cursor = read_file(paths_.cursor("auth"));
  const std::string times = read_file(paths_.times());
  const auto given = give_new_identity(kernel(), paths_);
  ASSERT_TRUE(given) << text_of(given.error());
  write_file(paths_.cursor("auth"), cursor);
  write_file(paths_.times(), times);
  EXPECT_EQ(read_cursor(kernel(), paths_, "auth", *given)->record->log_id, given->id);
  EXPECT_EQ(expect_complete(), given->id);
  expect_times(*given);
  // The next one gives it an id that the log still knows, before that is forgotten.
  write_file(paths_.cursor("auth"), cursor);
  ASSERT_TRUE(give_new_identity(kernel(), paths_));
  expect_complete();
}

TEST_F(NewIdentity, LeavesOthersAlone) {
  {
    auto cursor = CursorFile::open(kernel(), paths_, "stranger", kStranger, {});
    ASSERT_TRUE(cursor->write({.offset = StreamOffset{1}}, Durability::Cached));
  }
  write_file(paths_.cursor("damaged"), "no cursor");
  ASSERT_TRUE(give_new_identity(kernel(), paths_));
  EXPECT_EQ(read_cursor(kernel(), paths_, "stranger")->record->log_id, kStranger);
  EXPECT_EQ(read_file(paths_.cursor("damaged")), "no cursor");
}

TEST_F(NewIdentity, NotWhileALogIsWritten) {
  const auto writer = open();
  ASSERT_TRUE(writer);
  const auto given = give_new_identity(kernel(), paths_);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().kind, ErrorKind::Busy);
}

TEST_F(NewIdentity, NotWhileASinkRuns) {
  const auto cursor = CursorFile::open(kernel(), paths_, "mail", id_, {});
  ASSERT_TRUE(cursor);
  // The cursor is renamed later, when its sink opens it.
  ASSERT_TRUE(give_new_identity(kernel(), paths_));
  const auto again = give_new_identity(kernel(), paths_);
  ASSERT_FALSE(again);
  EXPECT_THAT(text_of(again.error()), HasSubstr("stop slurper first"));
}

TEST_F(NewIdentity, ThereMustBeALog) {
  std::filesystem::remove(paths_.index());
  EXPECT_EQ(give_new_identity(kernel(), paths_).error().kind, ErrorKind::NoInput);
  EXPECT_FALSE(exists(paths_.index()));
  write_file(paths_.index(), "");
  EXPECT_THAT(text_of(give_new_identity(kernel(), paths_).error()),
              HasSubstr("cannot give the log '" + paths_.active() + "' a new identity: "));
}

}  // namespace
}  // namespace slurper
