#include "log/log_index.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "log/log_files.h"
#include "support/flock_holder.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using test::texts_of;

using test::FlockHolder;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Uuid uuid_from(std::uint8_t first) {
  Uuid uuid;
  for (std::uint8_t& byte : uuid) byte = first++;
  return uuid;
}

IndexRecord example(std::uint64_t sequence = 7) {
  return {.sequence = sequence,
          .log_id = uuid_from(0x10),
          .active_base = {0x1122334455667788},
          .active_inode = 0x0102030405060708,
          .active_created = std::chrono::sys_time<std::chrono::nanoseconds>(
              std::chrono::nanoseconds(1'700'000'000'123'456'789)),
          .boot_id = uuid_from(0xa0),
          .torn_lines_closed = 3,
          .reserved = {},
          .session = 0,
          .forgotten_before = {},
          .notes = {}};
}

// Every field in use.
IndexRecord full_example() {
  IndexRecord record = example();
  record.reserved = {0x100000};
  record.session = 9;
  for (std::uint64_t i = 0; i <= kStreamNotes; ++i)
    record.add_note({.kind = NoteKind::Moved, .offset = {1000 * i}, .bytes = 10 + i});
  return record;
}

IndexSlotBytes slot_of(const std::string& file, std::size_t slot) {
  IndexSlotBytes bytes{};
  const std::string part = file.substr(std::min(file.size(), slot * kIndexSlotSize), kIndexSlotSize);
  std::ranges::copy(part, bytes.begin());
  return bytes;
}

std::string bytes_of(const IndexSlotBytes& slot) {
  return {slot.begin(), slot.end()};
}

class LogIndexTest : public testing::Test {
 protected:
  LogIndex open() {
    auto index = LogIndex::open(kernel(), paths_, {});
    if (!index) throw std::runtime_error(text_of(index.error()));
    return std::move(*index);
  }
  Error open_error(Os& os = kernel()) {
    auto index = LogIndex::open(os, paths_, {});
    EXPECT_FALSE(index);
    return index ? Error{} : index.error();
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
};

TEST(Crc32c, GivesThePublishedValues) {
  // RFC 3720, B.4.
  std::array<std::uint8_t, 32> data{};
  EXPECT_EQ(crc32c(data), 0x8a9136aaU);
  data.fill(0xff);
  EXPECT_EQ(crc32c(data), 0x62a8ab43U);
  for (std::uint8_t i = 0; i < 32; ++i) data[i] = i;
  EXPECT_EQ(crc32c(data), 0x46dd794eU);
  EXPECT_EQ(crc32c(std::string_view()), 0U);
}

TEST(IndexSlot, HasTheseBytes) {
  const auto golden = std::string(
      "slurplog"
      "\x01\x00\x00\x00"
      "\x8e\x14\x9d\x7b"
      "\x07\x00\x00\x00\x00\x00\x00\x00"
      "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
      "\x88\x77\x66\x55\x44\x33\x22\x11"
      "\x08\x07\x06\x05\x04\x03\x02\x01"
      "\x15\xcd\x85\x3d\xfe\x9c\x97\x17"
      "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
      "\x03\x00\x00\x00\x00\x00\x00\x00",
      88);
  std::string expected = golden + std::string(kIndexSlotSize - golden.size(), '\0');
  EXPECT_EQ(bytes_of(encode_index_slot(example())), expected);
}

TEST(IndexSlot, ReadsBackWhatItWrote) {
  const auto record = decode_index_slot(encode_index_slot(example()));
  ASSERT_TRUE(record);
  EXPECT_EQ(*record, example());
}

TEST(IndexSlot, HoldsNotesTheOldestOfWhichAreForgotten) {
  const auto record = decode_index_slot(encode_index_slot(full_example()));
  ASSERT_TRUE(record);
  EXPECT_EQ(*record, full_example());
  EXPECT_EQ(record->notes.front(), (StreamNote{NoteKind::Moved, {1000}, 11}));
  EXPECT_EQ(record->notes.back(), (StreamNote{NoteKind::Moved, {16'000}, 26}));
  EXPECT_EQ(record->forgotten_before, StreamOffset{10});
}

TEST(IndexSlot, JoinsNotesThatContinueEachOther) {
  IndexRecord record;
  record.add_note({NoteKind::Moved, {0}, 100});
  record.add_note({NoteKind::Moved, {100}, 50});
  record.add_note({NoteKind::Cut, {150}, 5});
  record.add_note({NoteKind::Foreign, {155}, 7});
  record.add_note({NoteKind::Foreign, {155}, 9});  // seen again, when it had grown
  EXPECT_EQ(record.notes[0], (StreamNote{NoteKind::Moved, {0}, 150}));
  EXPECT_EQ(record.notes[1], (StreamNote{NoteKind::Cut, {150}, 5}));
  EXPECT_EQ(record.notes[2], (StreamNote{NoteKind::Foreign, {155}, 9}));
  EXPECT_EQ(record.notes[3].kind, NoteKind::None);
  EXPECT_EQ(record.own_bytes({100}, 64), 55U);
  EXPECT_EQ(record.own_bytes({100}, 55), 55U) << "nothing foreign in it";
  EXPECT_EQ(record.own_bytes({155}, 64), 64U) << "the next one";
}

TEST(IndexSlot, DetectsEveryChangedBit) {
  const IndexSlotBytes good = encode_index_slot(example());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    IndexSlotBytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_index_slot(bad)) << "bit " << bit;
  }
}

TEST(IndexSlot, DetectsEveryCut) {
  const IndexSlotBytes good = encode_index_slot(example());
  const std::size_t used =
      offsetof(IndexSlotLayout, reserved) - 7;  // torn_lines_closed is 3: seven zeros follow
  for (std::size_t size = 0; size < used; ++size) {
    IndexSlotBytes cut{};
    std::copy_n(good.begin(), size, cut.begin());
    EXPECT_FALSE(decode_index_slot(cut)) << size << " bytes";
  }
}

TEST(IndexSlot, TellsANewerFormatFromDamage) {
  auto slot = std::bit_cast<IndexSlotLayout>(encode_index_slot(example()));
  slot.version = 2;
  slot.crc32c = 0;
  slot.crc32c = crc32c(std::bit_cast<IndexSlotBytes>(slot));
  EXPECT_EQ(decode_index_slot(std::bit_cast<IndexSlotBytes>(slot)).error(), SlotDamage::Version);
  slot.version = 3;
  EXPECT_EQ(decode_index_slot(std::bit_cast<IndexSlotBytes>(slot)).error(), SlotDamage::Checksum);
  EXPECT_EQ(decode_index_slot({}).error(), SlotDamage::Empty);
  EXPECT_EQ(decode_index_slot({'x'}).error(), SlotDamage::Magic);
}

TEST_F(LogIndexTest, IsCreatedEmptyWithTheLogsMode) {
  const mode_t old_mask = umask(0077);
  auto index = LogIndex::open(kernel(), paths_, {.mode = 0664});
  umask(old_mask);
  ASSERT_TRUE(index) << text_of(index.error());
  EXPECT_EQ(index->record(), std::nullopt);
  EXPECT_THAT(index->damage(), IsEmpty());
  struct stat st{};
  ASSERT_EQ(lstat(paths_.index().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0664U);
}

TEST_F(LogIndexTest, WritesItsSlotsInTurns) {
  {
    LogIndex index = open();
    ASSERT_TRUE(index.write(example(), LogIndex::Durability::Cached));
    EXPECT_EQ(index.record(), example(1));
    ASSERT_TRUE(index.write(example(), LogIndex::Durability::Synced));
  }
  const std::string two = read_file(paths_.index());
  ASSERT_THAT(two, SizeIs(kIndexSlots * kIndexSlotSize));
  EXPECT_EQ(decode_index_slot(slot_of(two, 0)), example(1));
  EXPECT_EQ(decode_index_slot(slot_of(two, 1)), example(2));

  LogIndex index = open();
  EXPECT_EQ(index.record(), example(2));
  ASSERT_TRUE(index.write(example(), LogIndex::Durability::Synced));
  const std::string three = read_file(paths_.index());
  EXPECT_EQ(decode_index_slot(slot_of(three, 0)), example(3));
  EXPECT_EQ(decode_index_slot(slot_of(three, 1)), example(2));
  EXPECT_EQ(read_index(kernel(), paths_)->record, example(3));
}

// A crash that leaves any part of a slot's write leaves the record before it, or the new one.
TEST_F(LogIndexTest, SurvivesAWriteCutAnywhere) {
  const std::string slot_a = bytes_of(encode_index_slot(example(5)));
  IndexRecord older = example(4);
  older.torn_lines_closed = 2;  // so that the old and the new slot differ up to the last byte in use
  const std::string older_b = bytes_of(encode_index_slot(older));
  const std::string newer_b = bytes_of(encode_index_slot(example(6)));
  for (std::size_t written = 0; written <= kIndexSlotSize; ++written) {
    write_file(paths_.index(), slot_a + newer_b.substr(0, written) + older_b.substr(written));
    LogIndex index = open();
    ASSERT_TRUE(index.record()) << written;
    const bool whole = written > offsetof(IndexSlotLayout, reserved) - 8;
    if (whole) {
      EXPECT_EQ(index.record(), example(6)) << written;
    } else {
      EXPECT_EQ(index.record(), example(5)) << written;
    }
    ASSERT_TRUE(index.write(example(), LogIndex::Durability::Cached));
    const auto reading = read_index(kernel(), paths_);
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->record, example(whole ? 7 : 6)) << written;
  }
}

TEST_F(LogIndexTest, SurvivesAFirstWriteThatNeverReachedTheDisk) {
  write_file(paths_.index(), std::string(kIndexSlotSize, '\0'));
  LogIndex index = open();
  EXPECT_EQ(index.record(), std::nullopt);
  EXPECT_THAT(index.damage(), IsEmpty());
  ASSERT_TRUE(index.write(example(), LogIndex::Durability::Cached));
  EXPECT_EQ(read_index(kernel(), paths_)->record, example(1));
}

TEST_F(LogIndexTest, ReportsADamagedSlotAndMendsIt) {
  std::string slots = bytes_of(encode_index_slot(example(5))) + bytes_of(encode_index_slot(example(6)));
  slots[kIndexSlotSize + 50] ^= 1;
  write_file(paths_.index(), slots);
  {
    LogIndex index = open();
    EXPECT_EQ(index.record(), example(5));
    ASSERT_THAT(index.damage(), SizeIs(1));
    EXPECT_EQ(text_of(index.damage()[0]),
              "slot B of the log's index '" + paths_.index() + "' is damaged: its checksum is wrong");
    ASSERT_TRUE(index.write(example(), LogIndex::Durability::Cached));
  }
  LogIndex index = open();
  EXPECT_THAT(index.damage(), IsEmpty());
  EXPECT_EQ(index.record(), example(6));
}

TEST_F(LogIndexTest, RefusesAnIndexWithoutAWholeSlotAndLeavesItAlone) {
  for (const std::string& content :
       {std::string("not an index\n"), std::string(1024, 'x'),
        bytes_of(encode_index_slot(example())).substr(0, 60) + std::string(964, '\0')}) {
    write_file(paths_.index(), content);
    const Error error = open_error();
    EXPECT_EQ(error.kind, ErrorKind::Data);
    EXPECT_THAT(text_of(error), HasSubstr("no slot of it is whole. Move it away"));
    EXPECT_EQ(read_index(kernel(), paths_).error().kind, ErrorKind::Data);
    EXPECT_EQ(read_file(paths_.index()), content);
  }
}

TEST_F(LogIndexTest, RefusesANewerFormatEvenBesideAWholeSlot) {
  auto newer = std::bit_cast<IndexSlotLayout>(encode_index_slot(example(9)));
  newer.version = 2;
  newer.crc32c = 0;
  newer.crc32c = crc32c(std::bit_cast<IndexSlotBytes>(newer));
  write_file(paths_.index(),
             bytes_of(encode_index_slot(example(8))) + bytes_of(std::bit_cast<IndexSlotBytes>(newer)));
  EXPECT_THAT(text_of(open_error()), HasSubstr("it was written by another version of slurper"));
}

TEST_F(LogIndexTest, FollowsNoLinkAndTakesNoOtherKindOfFile) {
  write_file(directory_ / "precious", "precious");
  ASSERT_EQ(symlink("precious", paths_.index().c_str()), 0);
  EXPECT_THAT(text_of(open_error()), HasSubstr("it is a symbolic link to 'precious'"));
  EXPECT_EQ(read_file(directory_ / "precious"), "precious");

  ASSERT_EQ(unlink(paths_.index().c_str()), 0);
  ASSERT_EQ(mkfifo(paths_.index().c_str(), 0600), 0);
  EXPECT_THAT(text_of(open_error()), HasSubstr("it is a FIFO, not a regular file"));
}

TEST_F(LogIndexTest, ReportsAMissingFolder) {
  const auto index = LogIndex::open(kernel(), LogPaths(directory_ / "missing/log"), {});
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::CantCreate);
  EXPECT_EQ(index.error().errnum, ENOENT);
  EXPECT_EQ(read_index(kernel(), paths_).error().kind, ErrorKind::NoInput);
}

TEST_F(LogIndexTest, KeepsASecondWriterOut) {
  std::optional<LogIndex> first = open();
  const Error error = open_error();
  EXPECT_EQ(error.kind, ErrorKind::Busy);
  EXPECT_THAT(text_of(error), HasSubstr("cannot lock the log '" + paths_.active() + "'"));
  first.reset();
  EXPECT_TRUE(LogIndex::open(kernel(), paths_, {}));
}

TEST_F(LogIndexTest, NamesTheHolderOfTheLock) {
  {
    const LogIndex create = open();
  }
  const FlockHolder holder(paths_.lock(), FlockHolder::slurper());
  const Error error = open_error();
  EXPECT_EQ(error.kind, ErrorKind::Busy);
  EXPECT_THAT(text_of(error), HasSubstr("process " + std::to_string(holder.pid()) + " is writing it"));
}

// Any process that may read the index can hold flock(2) on it for ever.
TEST_F(LogIndexTest, AReadersLockKeepsNoSlurperOut) {
  {
    const LogIndex create = open();
    EXPECT_THAT(create.damage(), testing::IsEmpty());
  }
  const FlockHolder reader(paths_.index(), {.command = "reader", .user = geteuid() == 0 ? 65534U : 0U});
  const LogIndex index = open();
  EXPECT_THAT(texts_of(index.damage()),
              testing::ElementsAre(HasSubstr("('reader') holds a lock on the log's index")));
  EXPECT_EQ(open_error().kind, ErrorKind::Busy);
  struct stat st{};
  ASSERT_EQ(::lstat(paths_.lock().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600U);
}

// One that knows no lock file.
TEST_F(LogIndexTest, AnOlderSlurpersLockIsRespected) {
  {
    const LogIndex create = open();
  }
  FlockHolder older(paths_.index(), FlockHolder::slurper(), O_RDWR);
  const Error error = open_error();
  EXPECT_EQ(error.kind, ErrorKind::Busy);
  EXPECT_THAT(text_of(error),
              HasSubstr("process " + std::to_string(older.pid()) + " ('slurper') is writing it"));
  older.release();
  const LogIndex index = open();
  const UniqueFd other(::open(paths_.index().c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), -1) << "an older one is kept out in its turn";
}

// A log whose files are there must open on a disk that takes no more of them.
TEST_F(LogIndexTest, AFullDiskWithoutALockFileIsNoObstacle) {
  {
    const LogIndex create = open();
  }
  class FullOs : public Os {
    int open(const char* path, int flags, mode_t mode) override {
      return (flags & O_CREAT) != 0 && access(path, F_OK) != 0 ? -ENOSPC : Os::open(path, flags, mode);
    }
  } full;
  ASSERT_EQ(::unlink(paths_.lock().c_str()), 0);
  {
    const auto index = LogIndex::open(full, paths_, {});
    ASSERT_TRUE(index) << text_of(index.error());
    EXPECT_THAT(texts_of(index->damage()),
                testing::ElementsAre(HasSubstr("Only flock(2) on the log's index")));
  }
  const FlockHolder older(paths_.index(), FlockHolder::slurper(), O_RDWR);
  EXPECT_EQ(open_error(full).kind, ErrorKind::Busy);
}

// Fails one of the calls, by its name.
class FailingOs : public Os {
 public:
  std::string failing;
  int errnum = EIO;

  int open(const char* path, int flags, mode_t mode) override {
    return fails("open") ? -errnum : Os::open(path, flags, mode);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return fails("pread") ? -errnum : Os::pread(fd, data, size, offset);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (failing == "short pwrite") return Os::pwrite(fd, data, std::min<std::size_t>(size, 7), offset);
    if (failing == "cut pwrite") {
      failing = "pwrite";
      return Os::pwrite(fd, data, 100, offset);
    }
    return fails("pwrite") ? -errnum : Os::pwrite(fd, data, size, offset);
  }
  int fstat(int fd, struct stat* st) override { return fails("fstat") ? -errnum : Os::fstat(fd, st); }
  int flock(int fd, int operation) override { return fails("flock") ? -errnum : Os::flock(fd, operation); }
  int fsync(int fd) override { return fails("fsync") ? -errnum : Os::fsync(fd); }
  int fdatasync(int fd) override { return fails("fdatasync") ? -errnum : Os::fdatasync(fd); }
  int fchmod(int fd, mode_t mode) override { return fails("fchmod") ? -errnum : Os::fchmod(fd, mode); }

 private:
  bool fails(const char* call) const { return failing == call; }
};

TEST_F(LogIndexTest, ReportsEveryFailingCallOfOpen) {
  for (const char* call : {"open", "fstat", "flock", "fchmod", "fsync", "pread"}) {
    FailingOs os;
    os.failing = call;
    const Error error = open_error(os);
    EXPECT_EQ(error.errnum, EIO) << call;
    EXPECT_THAT(text_of(error), HasSubstr(directory_.path())) << call;
    (void)::unlink(paths_.index().c_str());  // open() left none
  }
  FailingOs denied;
  denied.failing = "open";
  denied.errnum = EACCES;
  EXPECT_EQ(open_error(denied).kind, ErrorKind::NoPermission);
}

TEST_F(LogIndexTest, KeepsTheOldRecordWhenAWriteFails) {
  for (const char* call : {"pwrite", "cut pwrite", "fdatasync"}) {
    (void)::unlink(paths_.index().c_str());  // the first time there is none
    FailingOs os;
    auto index = LogIndex::open(os, paths_, {});
    ASSERT_TRUE(index);
    ASSERT_TRUE(index->write(example(), LogIndex::Durability::Synced));
    ASSERT_TRUE(index->write(example(), LogIndex::Durability::Synced));
    os.failing = call;
    const Status status = index->write(example(), LogIndex::Durability::Synced);
    ASSERT_FALSE(status) << call;
    EXPECT_EQ(status.error().errnum, EIO) << call;
    EXPECT_EQ(index->record(), example(2)) << call;
    ASSERT_TRUE(read_index(kernel(), paths_)->record) << call;

    os.failing.clear();
    ASSERT_TRUE(index->write(example(), LogIndex::Durability::Synced));
    EXPECT_EQ(read_index(kernel(), paths_)->record, example(3)) << call;
    EXPECT_EQ(decode_index_slot(slot_of(read_file(paths_.index()), 1)), example(2)) << call;
  }
}

TEST_F(LogIndexTest, ContinuesAShortWrite) {
  FailingOs os;
  os.failing = "short pwrite";
  auto index = LogIndex::open(os, paths_, {});
  ASSERT_TRUE(index);
  ASSERT_TRUE(index->write(example(), LogIndex::Durability::Cached));
  EXPECT_EQ(read_index(kernel(), paths_)->record, example(1));
}

// Between open and lock the file loses its name to another.
class ReplacingOs : public Os {
 public:
  explicit ReplacingOs(std::string path) : path_(std::move(path)) {}
  int flock(int fd, int operation) override {
    if (replacements_-- > 0) {
      if (::unlink(path_.c_str()) != 0) return -errno;
      write_file(path_, bytes_of(encode_index_slot(example(40))));
    }
    return Os::flock(fd, operation);
  }

 private:
  std::string path_;
  int replacements_ = 1;
};

TEST_F(LogIndexTest, LocksTheFileThatHasTheName) {
  {
    const LogIndex create = open();
  }
  ReplacingOs os(paths_.index());
  auto index = LogIndex::open(os, paths_, {});
  ASSERT_TRUE(index) << text_of(index.error());
  EXPECT_EQ(index->record(), example(40));
  EXPECT_EQ(open_error().kind, ErrorKind::Busy);
}

TEST(Uuid, IsRandomAndOfVersionFour) {
  const std::string text = format(new_uuid());
  EXPECT_THAT(text,
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(text, format(new_uuid()));
}

TEST(Uuid, ReadsTheBootId) {
  const auto boot_id = read_boot_id(kernel());
  ASSERT_TRUE(boot_id) << text_of(boot_id.error());
  EXPECT_EQ(format(*boot_id) + "\n", read_file("/proc/sys/kernel/random/boot_id"));
}

}  // namespace
}  // namespace slurper
