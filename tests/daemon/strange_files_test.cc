// The real slurper on a ring, an index and a folder that are not as it left them: it says what is wrong and
// what it does about it, and destroys nothing.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "log/log_index_format.h"
#include "ring/ring_format.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/kill_at.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// Names and bytes of all files in `folder`; for a link, its target.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto type = entry.symlink_status().type();
    all[entry.path().filename()] = type == fs::file_type::symlink   ? "-> " + fs::read_symlink(entry).string()
                                   : type == fs::file_type::regular ? read_file(entry)
                                                                    : "";
  }
  return all;
}

void expect_good_end(const Site& site, Child& slurper) {
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  Child verify(site.verify());
  EXPECT_TRUE(verify.exits_with(0)) << verify.out() << verify.err();
}

// A folder that another user owns could bring forged lines, and be cut under slurper's feet.
class ForeignRingFolder : public testing::Test {
 protected:
  // With a runtime directory: without one there is no default.
  Program program(bool folder_is_set) {
    Program program = site_.run({"ring.size=4MiB"});
    if (!folder_is_set) {
      const auto setting = std::ranges::find_if(
          program.argv, [](const std::string& word) { return word.starts_with("ring.directory="); });
      program.argv.erase(setting - 1, setting + 1);
    }
    program.env.push_back("RUNTIME_DIRECTORY=" + runtime_.path());
    return program;
  }
  void give_away(const fs::path& folder) {
    ASSERT_EQ(::chown(folder.c_str(), 65534, 65534), 0);
    ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  }

  Site site_;
  TempDir runtime_ = TempDir::in_ram();
};

TEST_F(ForeignRingFolder, TheDefaultOneIsUsedInsteadOfAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives a folder away";
  give_away(site_.ram.path());
  Child slurper(program(true));
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  EXPECT_TRUE(slurper.said("it belongs to the user nobody (uid 65534)")) << slurper.err();
  EXPECT_TRUE(slurper.said("The ring is in its default folder '" + runtime_.path())) << slurper.err();
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("THE RING IS NOT IN ITS FOLDER: it belongs to ")) << slurper.err();
  EXPECT_TRUE(site_.holder.write("line\n"));
  EXPECT_TRUE(site_.log.reaches(5));
  EXPECT_TRUE(fs::is_empty(site_.ram.path()));
  struct stat st{};
  ASSERT_EQ(::lstat(site_.ram.path().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0777U);
  slurper.kill();
  // The next one continues with what it left.
  Child next(program(true));
  ASSERT_TRUE(next.said("ready")) << next.err();
  next.signal(SIGTERM);
  EXPECT_TRUE(next.exits_with(0)) << next.err();
  EXPECT_EQ(site_.log.bytes(), "line\n");
}

TEST_F(ForeignRingFolder, WithoutAFolderOfItsOwnItDoesNotStart) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives a folder away";
  Child first(program(false));
  ASSERT_TRUE(first.said("ready")) << first.err();
  first.signal(SIGTERM);
  ASSERT_TRUE(first.exits_with(0)) << first.err();
  const auto folder = fs::directory_iterator(runtime_.path())->path();
  give_away(folder);
  const auto before = contents(folder);
  Child second(program(false));
  EXPECT_TRUE(second.exits_with(77)) << second.err();
  EXPECT_THAT(second.err(), HasSubstr("it belongs to the user nobody (uid 65534)"));
  EXPECT_EQ(contents(folder), before);
}

// A ring that a killed slurper has left, with 10 bytes that the log lacks.
struct StrangeRing {
  const char* name;
  std::function<void(std::string&)> change;
  const char* said;
};
std::ostream& operator<<(std::ostream& out, const StrangeRing& ring) {
  return out << ring.name;
}

// A log of 4001 bytes, and a ring with 10 more, left by a slurper that was killed.
class LeftRing {
 protected:
  LeftRing() { leave(); }
  // Writes that to the end of the log, whose active segment holds `before` bytes.
  void leave(std::uint64_t before = 0) {
    Child slurper = site_.start({"ring.size=4MiB"});
    EXPECT_TRUE(site_.holder.write(logged_));
    EXPECT_TRUE(
        eventually([&] { return content_of(site_.disk / "messages").size() == before + logged_.size(); }));
    {
      const StalledThreads stalled(slurper.pid());
      EXPECT_TRUE(site_.holder.write("and more.\n"));
      EXPECT_TRUE(eventually([&] { return in_ring() == 10; }));
      slurper.signal(SIGKILL);
    }
    slurper.kill();
  }
  // Bytes that the log lacks.
  [[nodiscard]] std::uint64_t in_ring() const {
    std::array<char, sizeof(ring_format::Header)> header{};
    std::ifstream(ring_, std::ios::binary).read(header.data(), header.size());
    const auto number = [&](std::size_t at) {
      std::uint64_t value = 0;
      std::memcpy(&value, header.data() + at, sizeof value);
      return value;
    };
    return number(offsetof(ring_format::Header, head)) - number(offsetof(ring_format::Header, tail));
  }

  const std::string logged_ = std::string(4000, '.') + '\n';
  Site site_;
  fs::path ring_ = site_.ram.path() + "/ring";
};

class RingOfAnotherSize : public LeftRing, public testing::Test {};

TEST_F(RingOfAnotherSize, KeepsItUntilItIsFoundEmpty) {
  Child slurper = site_.start({"ring.size=8MiB"});
  EXPECT_THAT(slurper.err(), HasSubstr("the ring keeps its size of 4.00MiB until a start finds it empty"));
  expect_good_end(site_, slurper);
  Child again = site_.start({"ring.size=8MiB"});
  EXPECT_THAT(again.err(), Not(HasSubstr("keeps its size")));
  expect_good_end(site_, again);
  EXPECT_EQ(difference(logged_ + "and more.\n", site_.log.bytes()), "");
}

TEST(RingOnADisk, IsReported) {
  const Site site;
  Child slurper({.argv = {slurper_binary(), "run", "--fifo", site.fifo, "--log", site.disk / "messages",
                          "--set", "ring.directory=" + (site.disk / "ring")},
                 .env = {}});
  EXPECT_TRUE(slurper.said("/ring/ring' is not on a RAM file system")) << slurper.err();
  EXPECT_TRUE(slurper.said("ready: "));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
}

class StrangeRings : public LeftRing, public testing::TestWithParam<StrangeRing> {};

TEST_P(StrangeRings, IsPutAsideAsItIsAndTheLogGoesOn) {
  std::string bytes = read_file(ring_);
  GetParam().change(bytes);
  write_file(ring_, bytes);
  const std::string aside = ring_.string() + ".put-aside-1";
  Child slurper = site_.start({"ring.size=4MiB"});
  EXPECT_THAT(slurper.err(), HasSubstr("cannot use the ring '" + ring_.string() + "': " + GetParam().said));
  EXPECT_THAT(slurper.err(), HasSubstr("renamed to '" + aside + "', and a new ring was created"));
  EXPECT_TRUE(read_file(aside) == bytes) << "it was changed";
  ASSERT_TRUE(site_.holder.write("after that\n"));
  ASSERT_TRUE(site_.log.reaches(logged_.size() + 11));
  EXPECT_EQ(difference(logged_ + "after that\n", site_.log.bytes()), "");
  expect_good_end(site_, slurper);
  EXPECT_TRUE(read_file(aside) == bytes) << "it was changed later";
}

void put(std::string& bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

using ring_format::Header;
using ring_format::Identity;

INSTANTIATE_TEST_SUITE_P(
    All, StrangeRings,
    testing::Values(
        StrangeRing{"SomebodysFile", [](auto& bytes) { bytes = "somebody else's\n"; }, "it is not a ring"},
        StrangeRing{"Zeros", [](auto& bytes) { std::ranges::fill(bytes, '\0'); }, "it is not a ring"},
        StrangeRing{"AnotherVersion", [](auto& bytes) { bytes[offsetof(Identity, version)] = 7; },
                    "it is of version 7, and this slurper knows version "},
        StrangeRing{"AnotherLogs", [](auto& bytes) { bytes[offsetof(Identity, log_id)] ^= 1; },
                    "it belongs to another log"},
        StrangeRing{"AnotherBoots", [](auto& bytes) { bytes[offsetof(Identity, boot_id)] ^= 1; },
                    "the machine has restarted, and it held 10B that the log lacks"},
        StrangeRing{"Cut", [](auto& bytes) { bytes.resize(bytes.size() - 4096); },
                    "its size is not what its header"},
        StrangeRing{"TailBehindHead", [](auto& bytes) { put(bytes, offsetof(Header, tail), 5000); },
                    "it contradicts itself"},
        StrangeRing{"MoreThanItHolds", [](auto& bytes) { put(bytes, offsetof(Header, head), 1 << 30); },
                    "it contradicts itself"},
        StrangeRing{"OfAPastLife", [](auto& bytes) { put(bytes, offsetof(Header, session), 0); },
                    "the log continued without it, and it holds 10B"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// The log does not end where the ring would continue.
class StrangeEnd : public LeftRing, public testing::Test {
 protected:
  // Changes what the index says.
  void change_index(const std::function<void(IndexRecord&)>& change) {
    const std::string bytes = read_file(site_.disk / ".messages.index");
    IndexRecord newest;
    for (std::size_t at = 0; at < bytes.size(); at += kIndexSlotSize) {
      IndexSlotBytes slot{};
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), slot.size(), slot.begin());
      if (const auto record = decode_index_slot(slot); record && record->sequence > newest.sequence)
        newest = *record;
    }
    change(newest);
    const IndexSlotBytes slot = encode_index_slot(newest);
    write_file(site_.disk / ".messages.index", std::string(slot.begin(), slot.end()));
  }
};

TEST_F(StrangeEnd, BeyondAllThatTheRingHasSeen) {
  change_index([](IndexRecord& record) { record.active_base += 1 << 30; });
  Child slurper = site_.start({"ring.size=4MiB", "log.rotate_size=8KiB"});
  EXPECT_THAT(slurper.err(), HasSubstr("continues at an offset that it has never reached, and it holds 10B"));
  EXPECT_TRUE(fs::exists(ring_.string() + ".put-aside-1"));
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += fmt::format("new line {}\n", i);
  ASSERT_TRUE(site_.holder.write(lines));
  EXPECT_TRUE(eventually([&] { return content_of(site_.disk / "messages") == logged_ + lines; }));
  expect_good_end(site_, slurper);
}

// It would move the log's end to 100,000, and the segment that slurper was writing with it.
TEST_F(StrangeEnd, BehindAFileThatClaimsToBeASegment) {
  const std::string foreign(100'000, 'x');
  write_file(site_.disk / "messages.00000000000000000000", foreign);
  Child slurper = site_.start({"ring.size=4MiB"});
  EXPECT_THAT(slurper.err(), HasSubstr("claim to begin at offset 0"));
  ASSERT_TRUE(site_.holder.write("after that\n"));
  ASSERT_TRUE(site_.log.reaches(logged_.size() + 21));
  EXPECT_EQ(site_.log.bytes(), logged_ + "and more.\nafter that\n");
  EXPECT_EQ(read_file(site_.disk / "messages.put-aside-1"), foreign);
  expect_good_end(site_, slurper);
}

// The copy is of a log of one segment, which has been rotated since: restored in the place of all that is
// there, or over it.
class OldCopy : public LeftRing, public testing::TestWithParam<bool> {};

TEST_P(OldCopy, ComesFromABackup) {
  const bool over_what_is_there = GetParam();
  const auto files_in = [](const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  };
  const fs::path backup = site_.ram / "backup";
  fs::create_directory(backup);
  std::string expected = logged_ + "and more.\nin the backup\n";
  {
    Child slurper = site_.start({"ring.size=4MiB"});
    EXPECT_TRUE(site_.holder.write("in the backup\n"));
    ASSERT_TRUE(site_.log.reaches(expected.size()));
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  for (const fs::path& file : files_in(site_.disk.path())) fs::copy(file, backup);
  {
    Child slurper = site_.start({"ring.size=4MiB"});
    EXPECT_TRUE(site_.holder.write("not in the backup\n"));
    ASSERT_TRUE(site_.log.reaches(expected.size() + 18));
    slurper.signal(SIGUSR1);
    ASSERT_TRUE(eventually([&] { return site_.log.segments().size() == 2; }));
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  leave();
  for (const fs::path& file : files_in(site_.disk.path())) {
    if (!over_what_is_there) fs::remove(file);
  }
  for (const fs::path& file : files_in(backup))
    fs::copy(file, site_.disk.path(), fs::copy_options::overwrite_existing);

  Child slurper = site_.start({"ring.size=4MiB"});
  EXPECT_THAT(slurper.err(), HasSubstr("it is an old copy of the log"));
  EXPECT_THAT(slurper.err(), Not(HasSubstr("could not be used")));
  ASSERT_TRUE(site_.holder.write("after that\n"));
  EXPECT_TRUE(eventually([&] { return content_of(site_.disk / "messages") == "and more.\nafter that\n"; }))
      << slurper.err();
  expect_good_end(site_, slurper);
  if (over_what_is_there) expected += "not in the backup\n";
  std::string kept;
  for (const LogSegment& segment : site_.log.segments()) {
    if (!segment.active) kept += read_file(segment.path);
  }
  EXPECT_EQ(difference(expected, kept), "") << "what is there stays in the log";
}

INSTANTIATE_TEST_SUITE_P(Of, OldCopy, testing::Bool(), [](const auto& param_info) {
  return std::string(param_info.param ? "ALogThatIsThere" : "ALogThatIsGone");
});

// A second one does not take the first one's place.
TEST(StrangeRing, EachIsPutAsideUnderItsOwnName) {
  Site site;
  for (const std::string text : {"first", "second"}) {
    write_file(site.ram / "ring", text);
    Child slurper = site.start();
    slurper.kill();
    fs::remove(site.ram / "ring");
  }
  EXPECT_EQ(read_file(site.ram / "ring.put-aside-1"), "first");
  EXPECT_EQ(read_file(site.ram / "ring.put-aside-2"), "second");
}

// The index of a log with two segments, and a slurper that was killed.
class StrangeIndex : public testing::Test {
 protected:
  StrangeIndex() {
    Child slurper = site_.start();
    EXPECT_TRUE(site_.holder.write("a line\n"));
    EXPECT_TRUE(site_.log.reaches(7));
    slurper.signal(SIGUSR1);
    EXPECT_TRUE(eventually([&] { return site_.log.segments().size() == 2; }));
    EXPECT_TRUE(site_.holder.write("another\n"));
    EXPECT_TRUE(site_.log.reaches(15));
    slurper.kill();
    good_ = read_file(index_);
  }

  void expect_refusal(const std::string& why, const std::string& advice) {
    const auto before = contents(site_.disk.path());
    const auto ring_before = contents(site_.ram.path());
    Child slurper(site_.run());
    EXPECT_TRUE(slurper.exits_with(65)) << slurper.err();
    EXPECT_THAT(slurper.err(), HasSubstr(index_.string()));
    EXPECT_THAT(slurper.err(), HasSubstr(why));
    EXPECT_THAT(slurper.err(), HasSubstr(advice));
    EXPECT_EQ(contents(site_.disk.path()), before);
    EXPECT_EQ(contents(site_.ram.path()), ring_before);
  }
  void expect_going_on(Child& slurper) {
    EXPECT_TRUE(site_.holder.write("one more\n"));
    EXPECT_TRUE(site_.log.reaches(24));
    EXPECT_EQ(site_.log.bytes(), "a line\nanother\none more\n");
    expect_good_end(site_, slurper);
  }

  Site site_;
  fs::path index_ = site_.disk / ".messages.index";
  std::string good_;
};

TEST_F(StrangeIndex, OneDamagedSlotIsToldAndMended) {
  for (const std::size_t slot : {0U, 1U}) {
    std::string damaged = good_;
    damaged[slot * kIndexSlotSize + 200] ^= 1;
    write_file(index_, damaged);
    const auto log_before = site_.log.bytes();
    Child slurper = site_.start();
    EXPECT_THAT(slurper.err(), HasSubstr(fmt::format("slot {} of the log's index", "AB"[slot])));
    EXPECT_THAT(slurper.err(), HasSubstr("its checksum is wrong"));
    EXPECT_EQ(site_.log.bytes(), log_before);
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    Child verify(site_.verify());
    EXPECT_TRUE(verify.exits_with(0)) << verify.out();
    EXPECT_THAT(verify.out(), Not(HasSubstr("damaged"))) << "mended";
    good_ = read_file(index_);
  }
  Child slurper = site_.start();
  expect_going_on(slurper);
}

TEST_F(StrangeIndex, TwoDamagedSlotsAreRefusedAndTheAdviceHelps) {
  std::string damaged = good_;
  damaged[200] ^= 1;
  damaged[kIndexSlotSize + 200] ^= 1;
  write_file(index_, damaged);
  expect_refusal("no slot of it is whole", "Move it away: slurper then creates a new one");
  fs::rename(index_, site_.disk / "aside");
  Child slurper = site_.start();
  EXPECT_THAT(slurper.err(), HasSubstr("its index was missing; its id comes from the ring"));
  expect_going_on(slurper);
}

TEST_F(StrangeIndex, AnotherVersionsIsRefused) {
  std::string newer = good_;
  newer[8] = 9;
  std::array<std::uint8_t, kIndexSlotSize> slot{};
  std::copy_n(newer.begin(), slot.size(), slot.begin());
  std::memset(slot.data() + 12, 0, 4);
  const std::uint32_t checksum = crc32c(slot);
  std::memcpy(newer.data() + 12, &checksum, sizeof checksum);
  write_file(index_, newer);
  expect_refusal("it was written by another version of slurper", "Use a slurper that is not older");
}

TEST_F(StrangeIndex, SomebodysFileIsRefused) {
  write_file(index_, "this is somebody's index of all messages\n");
  expect_refusal("no slot of it is whole", "Move it away");
}

// A log's folder that others use, too, with names that come close to a log's own.
TEST(StrangeFolder, NothingOfOthersIsTouched) {
  Site site;
  const std::vector<std::string> names = {
      "messages.1",
      "messages.2.gz",
      "messages.zst",
      "messages-20251121",
      "messages.0000000000000000000",    // a digit short
      "messages.000000000000000000000",  // one too many
      "messages.99999999999999999999",   // no offset can be that large
      "messages.0000000000000000000x",
      "messages.00000000000000000000.gz",
      "messages.00000000000000000000.zst~",
      "messages.put-aside-1",
      ".messages.index~",
      ".messages.swp",
      "syslog",
      "syslog.00000000000000000000",
      ".syslog.index",
  };
  for (const std::string& name : names) write_file(site.disk / name, "precious " + name + "\n");
  fs::create_directory(site.disk / "messages.00000000000000000003");
  write_file(site.disk / "messages.00000000000000000003/file", "precious\n");
  fs::create_symlink("syslog", site.disk / "messages.00000000000000000005");
  fs::create_symlink("syslog", site.disk / "messages.00000000000000000006.zst");
  write_file(site.disk / "messages", "of the syslogd before\n");
  write_file(site.ram / "somebody's", "precious\n");
  const auto before = contents(site.disk.path());

  std::string expected = "of the syslogd before\n";
  for (int life = 0; life < 2; ++life) {
    Child slurper = site.start({"log.rotate_size=4KiB", "log.keep_files=2", "log.compress=zstd"});
    for (int i = 0; i < 300; ++i) {
      const std::string line = fmt::format("line {:04} of life {} {:.<80}\n", i, life, "");
      ASSERT_TRUE(site.holder.write(line));
      expected += line;
    }
    ASSERT_TRUE(eventually([&] { return site.log.end() == expected.size(); })) << slurper.err();
    ASSERT_TRUE(eventually([&] { return site.log.segments().size() == 3; })) << "retention works";
    if (life == 0) slurper.kill();
  }
  const auto after = contents(site.disk.path());
  for (const auto& [name, bytes] : before) {
    if (name == "messages") continue;
    ASSERT_TRUE(after.contains(name)) << name;
    EXPECT_EQ(after.at(name), bytes) << name;
  }
  EXPECT_EQ(read_file(site.disk / "messages.00000000000000000003/file"), "precious\n");
  EXPECT_EQ(read_file(site.ram / "somebody's"), "precious\n");
  std::string kept;
  EXPECT_EQ(site.log.read([&](std::string_view piece) { kept += piece; }), "");
  ASSERT_LT(kept.size(), expected.size());
  EXPECT_EQ(difference(expected.substr(expected.size() - kept.size()), kept), "");
}

}  // namespace
}  // namespace slurper::test
