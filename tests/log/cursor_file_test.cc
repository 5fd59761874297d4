#include "log/cursor_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "support/flock_holder.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::texts_of;

using test::text_of;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Uuid uuid_from(std::uint8_t first) {
  Uuid uuid{};
  for (std::uint8_t& byte : uuid) byte = first++;
  return uuid;
}

constexpr Uuid kLog = uuid_from(0x10);

// Every byte of every field in use.
CursorRecord example(std::uint64_t sequence = 7) {
  return {.sequence = sequence,
          .log_id = kLog,
          .offset = {0x1122334455667788},
          .position = 0x0102030405060708,
          .fingerprint = 0xa0b0c0d0e0f00102,
          .rejected = 0x2122232425262728,
          .missed = 0x3132333435363738,
          .delivered = StreamOffset{0x4142434445464748},
          .set_by_hand = true};
}

std::string bytes_of(const CursorSlotBytes& slot) {
  return {slot.begin(), slot.end()};
}

CursorSlotBytes slot_of(const std::string& file, std::size_t slot) {
  CursorSlotBytes bytes{};
  std::ranges::copy(file.substr(std::min(file.size(), slot * kCursorSlotSize), kCursorSlotSize),
                    bytes.begin());
  return bytes;
}

class CursorFileTest : public testing::Test {
 protected:
  CursorFile open(std::string_view name = "mail") {
    auto cursor = CursorFile::open(kernel(), paths_, name, kLog, {});
    if (!cursor) throw std::runtime_error(text_of(cursor.error()));
    return std::move(*cursor);
  }
  Error open_error(std::string_view name = "mail", Os& os = kernel()) {
    const auto cursor = CursorFile::open(os, paths_, name, kLog, {});
    EXPECT_FALSE(cursor);
    return cursor ? Error{} : cursor.error();
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::string path_ = directory_ / ".messages.cursor-mail";
};

TEST(CursorSlot, HasTheseBytes) {
  const auto golden = std::string(
      "slurpcur"
      "\x01\x00\x00\x00"
      "\xc7\x9d\xcc\x6e"
      "\x07\x00\x00\x00\x00\x00\x00\x00"
      "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
      "\x88\x77\x66\x55\x44\x33\x22\x11"
      "\x08\x07\x06\x05\x04\x03\x02\x01"
      "\x02\x01\xf0\xe0\xd0\xc0\xb0\xa0"
      "\x28\x27\x26\x25\x24\x23\x22\x21"
      "\x38\x37\x36\x35\x34\x33\x32\x31"
      "\x48\x47\x46\x45\x44\x43\x42\x41"
      "\x03\x00\x00\x00\x00\x00\x00\x00",
      96);
  EXPECT_EQ(bytes_of(encode_cursor_slot(example())), golden + std::string(32, '\0'));
}

// Those that did not know yet what was delivered. What they read of today's, they read as they always did.
TEST(CursorSlot, ReadsWhatOlderSlurpersWrote) {
  const auto old = std::string(
      "slurpcur"
      "\x01\x00\x00\x00"
      "\xf0\xeb\xa7\xbf"
      "\x07\x00\x00\x00\x00\x00\x00\x00"
      "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
      "\x88\x77\x66\x55\x44\x33\x22\x11"
      "\x08\x07\x06\x05\x04\x03\x02\x01"
      "\x02\x01\xf0\xe0\xd0\xc0\xb0\xa0"
      "\x28\x27\x26\x25\x24\x23\x22\x21"
      "\x38\x37\x36\x35\x34\x33\x32\x31",
      80);
  CursorRecord expected = example();
  expected.delivered = std::nullopt;
  expected.set_by_hand = false;
  EXPECT_EQ(decode_cursor_slot(slot_of(old + std::string(48, '\0'), 0)), expected);
  EXPECT_EQ(bytes_of(encode_cursor_slot(expected)), old + std::string(48, '\0'));
}

TEST(CursorSlot, ReadsBackWhatItWrote) {
  EXPECT_EQ(decode_cursor_slot(encode_cursor_slot(example())), example());
}

TEST(CursorSlot, DetectsEveryChangedBitAndEveryCut) {
  const CursorSlotBytes good = encode_cursor_slot(example());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    CursorSlotBytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_cursor_slot(bad)) << "bit " << bit;
  }
  // Behind the first byte of the flags all is zero.
  for (std::size_t size = 0; size <= offsetof(CursorSlotLayout, flags); ++size) {
    CursorSlotBytes cut{};
    std::copy_n(good.begin(), size, cut.begin());
    EXPECT_FALSE(decode_cursor_slot(cut)) << size << " bytes";
  }
}

TEST(CursorSlot, TellsANewerFormatFromDamage) {
  auto slot = std::bit_cast<CursorSlotLayout>(encode_cursor_slot(example()));
  slot.version = 2;
  slot.crc32c = 0;
  slot.crc32c = crc32c(std::bit_cast<CursorSlotBytes>(slot));
  EXPECT_EQ(decode_cursor_slot(std::bit_cast<CursorSlotBytes>(slot)).error(), SlotDamage::Version);
  slot.version = 3;
  EXPECT_EQ(decode_cursor_slot(std::bit_cast<CursorSlotBytes>(slot)).error(), SlotDamage::Checksum);
  EXPECT_EQ(decode_cursor_slot({}).error(), SlotDamage::Empty);
  EXPECT_EQ(decode_cursor_slot({'s', 'l', 'u', 'r', 'p', 'l', 'o', 'g'}).error(), SlotDamage::Magic);
}

TEST_F(CursorFileTest, BeginsEmptyWithTheModeItIsGiven) {
  const mode_t old_mask = umask(0077);
  const auto cursor = CursorFile::open(kernel(), paths_, "mail", kLog, {.mode = 0664});
  umask(old_mask);
  ASSERT_TRUE(cursor) << text_of(cursor.error());
  EXPECT_EQ(cursor->record(), std::nullopt);
  EXPECT_THAT(cursor->damage(), IsEmpty());
  struct stat st{};
  ASSERT_EQ(lstat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0664U);
}

TEST_F(CursorFileTest, RemembersWhatWasWrittenLast) {
  {
    CursorFile cursor = open();
    CursorRecord record = example();
    record.log_id = {};  // is filled in
    ASSERT_TRUE(cursor.write(record, Durability::Cached));
    EXPECT_EQ(cursor.record(), example(1));
    ASSERT_TRUE(cursor.write(example(), Durability::Synced));
  }
  EXPECT_EQ(open().record(), example(2));
  EXPECT_EQ(read_cursor(kernel(), paths_, "mail")->record, example(2));
  const std::string slots = read_file(path_);
  ASSERT_THAT(slots, SizeIs(2 * kCursorSlotSize));
  EXPECT_EQ(decode_cursor_slot(slot_of(slots, 0)), example(1));
  EXPECT_EQ(decode_cursor_slot(slot_of(slots, 1)), example(2));
}

// A crash that leaves any part of a slot's write leaves the record before it, or the new one.
TEST_F(CursorFileTest, SurvivesAWriteCutAnywhere) {
  const std::string slot_a = bytes_of(encode_cursor_slot(example(5)));
  CursorRecord older = example(4);
  older.delivered = std::nullopt;  // so that the old and the new slot differ up to the last byte in use
  const std::string older_b = bytes_of(encode_cursor_slot(older));
  const std::string newer_b = bytes_of(encode_cursor_slot(example(6)));
  for (std::size_t written = 0; written <= kCursorSlotSize; ++written) {
    write_file(path_, slot_a + newer_b.substr(0, written) + older_b.substr(written));
    const bool whole = written > offsetof(CursorSlotLayout, flags);
    EXPECT_EQ(open().record(), example(whole ? 6 : 5)) << written;
  }
}

TEST_F(CursorFileTest, ReportsADamagedSlotAndMendsIt) {
  std::string slots = bytes_of(encode_cursor_slot(example(5))) + bytes_of(encode_cursor_slot(example(6)));
  slots[kCursorSlotSize + 50] ^= 1;
  write_file(path_, slots);
  {
    CursorFile cursor = open();
    EXPECT_EQ(cursor.record(), example(5));
    EXPECT_THAT(texts_of(cursor.damage()),
                ElementsAre("slot B of the cursor '" + path_ + "' is damaged: its checksum is wrong"));
    ASSERT_TRUE(cursor.write(example(), Durability::Cached));
  }
  EXPECT_THAT(open().damage(), IsEmpty());
  EXPECT_EQ(open().record(), example(6));
}

TEST_F(CursorFileTest, RefusesWhatIsNoCursorOfThisLogAndLeavesItAlone) {
  CursorRecord others = example();
  others.log_id = uuid_from(0x50);
  auto newer = std::bit_cast<CursorSlotLayout>(encode_cursor_slot(example()));
  newer.version = 2;
  newer.crc32c = 0;
  newer.crc32c = crc32c(std::bit_cast<CursorSlotBytes>(newer));
  const std::pair<std::string, std::string> cases[] = {
      {"not a cursor\n", "no slot of it is whole. Set it: slurper cursor '"},
      {bytes_of(encode_cursor_slot(example())).substr(0, 70), "' mail --to beginning (or end, or an offset)"},
      {bytes_of(std::bit_cast<CursorSlotBytes>(newer)), "another version of slurper"},
      {bytes_of(encode_cursor_slot(others)),
       "it belongs to another log, 50515253-5455-5657-5859-5a5b5c5d5e5f"},
  };
  for (const auto& [content, why] : cases) {
    write_file(path_, content);
    const Error error = open_error();
    EXPECT_EQ(error.kind, ErrorKind::Data);
    EXPECT_THAT(text_of(error), HasSubstr("cannot use the cursor '" + path_ + "'"));
    EXPECT_THAT(text_of(error), HasSubstr(why));
    EXPECT_EQ(read_file(path_), content);
  }
}

TEST_F(CursorFileTest, IsSetByHandWhateverIsInIt) {
  EXPECT_EQ(set_cursor(kernel(), paths_, "mail", kLog, StreamOffset{5}).error().kind, ErrorKind::NoInput);
  const CursorRecord by_hand{
      .log_id = kLog, .offset = StreamOffset{5}, .delivered = StreamOffset{}, .set_by_hand = true};
  auto newer = std::bit_cast<CursorSlotLayout>(encode_cursor_slot(example()));
  newer.version = 2;
  newer.crc32c = 0;
  newer.crc32c = crc32c(std::bit_cast<CursorSlotBytes>(newer));
  const std::string alien = bytes_of(std::bit_cast<CursorSlotBytes>(newer));
  const std::string whole = bytes_of(encode_cursor_slot(example()));
  for (const std::string& content :
       {std::string(), std::string("not a cursor\n"), alien + alien, alien + whole}) {
    write_file(path_, content);
    const Status set = set_cursor(kernel(), paths_, "mail", kLog, StreamOffset{5});
    ASSERT_TRUE(set) << text_of(set.error());
    const CursorFile cursor = open();
    EXPECT_THAT(texts_of(cursor.damage()), IsEmpty());
    CursorRecord expected = by_hand;
    expected.sequence = cursor.record()->sequence;
    if (content == alien + whole) {  // what can be read of the old one stays counted
      expected.position = example().position;
      expected.fingerprint = example().fingerprint;
      expected.rejected = example().rejected;
      expected.missed = example().missed;
      EXPECT_GT(expected.sequence, example().sequence);
    }
    EXPECT_EQ(cursor.record(), expected);
    // Not while a sink has it.
    const Status busy = set_cursor(kernel(), paths_, "mail", kLog, StreamOffset{6});
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().kind, ErrorKind::Busy);
    EXPECT_THAT(text_of(busy.error()), HasSubstr("stop slurper first"));
  }
}

TEST_F(CursorFileTest, KeepsASecondSinkOut) {
  {
    const CursorFile first = open();
    const Error error = open_error();
    EXPECT_EQ(error.kind, ErrorKind::Busy);
    EXPECT_THAT(text_of(error), HasSubstr("cannot lock the cursor '" + path_ + "'"));
    EXPECT_THAT(text_of(error), HasSubstr("give the sinks different names"));
    open("news");
  }
  open();
}

// Any process that may read the log can hold flock(2) on its files for ever.
TEST_F(CursorFileTest, AReadersLockKeepsNoSinkOut) {
  {
    const CursorFile create = open();
  }
  const test::FlockHolder reader(path_, {.command = "reader"});
  open();
}

TEST_F(CursorFileTest, TakesOnlyNamesThatFileSystemsLike) {
  for (const char* good : {"a", "auth.log", "A-1_b", "..", "-x"}) {
    EXPECT_TRUE(LogPaths::is_cursor_name(good)) << good;
    open(good);
  }
  EXPECT_TRUE(LogPaths::is_cursor_name(std::string(64, 'x')));
  for (const std::string& bad : {std::string(), std::string("a/b"), std::string("a b"),
                                 std::string("\xc3\xa4"), std::string("a\0b", 3), std::string(65, 'x')}) {
    const Error error = open_error(bad);
    EXPECT_EQ(error.kind, ErrorKind::Config) << bad;
    EXPECT_THAT(text_of(error), HasSubstr("letters, digits"));
  }
  EXPECT_THAT(*list_cursors(paths_), ElementsAre("-x", "..", "A-1_b", "a", "auth.log"));
  EXPECT_EQ(paths_.parse_cursor(".messages.cursor-auth.log"), "auth.log");
  for (const char* other : {".messages.cursor-", ".messages.cursor-a b", "messages.cursor-a",
                            ".other.cursor-a", ".messages.index", ".messages.lock-a"})
    EXPECT_EQ(paths_.parse_cursor(other), std::nullopt) << other;
  EXPECT_EQ(LogPaths("plain").cursor("x"), ".plain.cursor-x");
}

// Whichever call of open() and write() fails, the record before is there, or the new one.
TEST_F(CursorFileTest, KeepsARecordWhicheverCallFails) {
  {
    ASSERT_TRUE(open().write(example(), Durability::Synced));
  }
  for (bool dead : {false, true}) {
    for (int at = 1;; ++at) {
      const auto before = open().record();
      ASSERT_TRUE(before);
      FaultOs os(at, EIO, dead);
      {
        auto cursor = CursorFile::open(os, paths_, "mail", kLog, {});
        if (cursor) {
          CursorRecord next = *before;
          next.offset += 1;
          const Status written = cursor->write(next, Durability::Synced);
          EXPECT_TRUE(written || !os.failed_call().empty()) << text_of(written.error());
          EXPECT_TRUE(written || cursor->record() == before);
        } else {
          EXPECT_FALSE(os.failed_call().empty()) << text_of(cursor.error());
        }
      }
      const auto after = open().record();
      ASSERT_TRUE(after) << os.failed_call();
      EXPECT_LE(after->offset - before->offset, 1U);
      if (os.failed_call().empty()) break;
    }
  }
}

// A process that writes as fast as it can, killed at any moment.
TEST_F(CursorFileTest, SurvivesSigkill) {
  std::uint64_t last = 0;
  for (int round = 0; round < 50; ++round) {
    int ready[2];
    ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
    const pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      auto cursor = CursorFile::open(kernel(), paths_, "mail", kLog, {});
      if (!cursor) _exit(1);
      CursorRecord record = cursor->record().value_or(CursorRecord{});
      for (;;) {
        record.offset += 1;
        record.position = record.offset.value * 3;
        if (!cursor->write(record, Durability::Cached)) _exit(1);
        if (record.offset.value % 64 == 0 && ::write(ready[1], &record.offset, sizeof record.offset) < 0)
          _exit(1);
      }
    }
    close(ready[1]);
    StreamOffset noted;
    EXPECT_EQ(::read(ready[0], &noted, sizeof noted), static_cast<ssize_t>(sizeof noted));
    std::this_thread::sleep_for(std::chrono::microseconds(round * 37));
    kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    close(ready[0]);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it failed";
    const CursorFile cursor = open();
    ASSERT_TRUE(cursor.record());
    EXPECT_GE(cursor.record()->offset, noted) << "what was written is not lost";
    EXPECT_EQ(cursor.record()->position, cursor.record()->offset.value * 3);
    EXPECT_GT(cursor.record()->offset.value, last);
    last = cursor.record()->offset.value;
  }
}

}  // namespace
}  // namespace slurper
