// What `slurper verify` finds wrong, and that its advice mends it: the real program, on what it has written
// itself.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "support/daemon.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A log of five segments and more, whose slurper has ended.
struct Log {
  explicit Log(std::vector<std::string> with = {}) : settings(std::move(with)) {
    const bool compressed = std::ranges::count(settings, "log.compress=zstd") > 0;
    settings.emplace_back("log.rotate_size=4KiB");
    start([&](Child& slurper) {
      for (int i = 0; i < 250; ++i) {
        EXPECT_TRUE(site.holder.write(fmt::format("{:06} {:.<92}\n", i, "mending ")));
        EXPECT_TRUE(site.log.reaches(site.holder.accepted().size())) << slurper.err();
      }
      const auto is_raw = [](const LogSegment& segment) { return !segment.compressed && !segment.active; };
      if (compressed) {
        EXPECT_TRUE(eventually([&] { return std::ranges::none_of(site.log.segments(), is_raw); }));
      }
    });
  }

  // A life of slurper, which must go on with a line.
  void start(const std::function<void(Child&)>& live = {}) {
    Child slurper = site.start(settings);
    if (live) live(slurper);
    const std::uint64_t end = site.log.end();
    EXPECT_TRUE(site.holder.write("a line\n"));
    EXPECT_TRUE(eventually([&] { return site.log.end() != end && site.holder.pending() == 0; }));
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  [[nodiscard]] fs::path segment(std::size_t number) const { return site.log.segments().at(number).path; }
  [[nodiscard]] fs::path file(const std::string& name) const { return site.disk / name; }
  [[nodiscard]] fs::path index() const { return file(".messages.index"); }
  [[nodiscard]] fs::path backup() const { return site.disk / "backup"; }

  Site site;
  std::vector<std::string> settings;
};

struct Damage {
  const char* name;
  std::function<void(Log&)> harm;
  const char* wrong;
  const char* advice;
  std::function<void(Log&)> mend;
  std::vector<std::string> settings = {};
};
std::ostream& operator<<(std::ostream& out, const Damage& damage) {
  return out << damage.name;
}

void change_byte(const fs::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
  EXPECT_TRUE(file) << path;
}

void start_slurper(Log& log) {
  log.start();
}

class Mending : public testing::TestWithParam<Damage> {};

TEST_P(Mending, TheAdviceHelps) {
  const Damage& damage = GetParam();
  Log log(damage.settings);
  ASSERT_GE(log.site.log.segments().size(), 5U);
  const auto verify = [&](int expected) {
    Child verifying(log.site.verify());
    EXPECT_TRUE(verifying.exits_with(expected)) << verifying.out() << verifying.err();
    std::string text = verifying.out();
    for (auto at = text.find("\n        "); at != std::string::npos; at = text.find("\n        ", at))
      text.replace(at, 9, " ");
    return text;
  };
  verify(0);
  damage.harm(log);
  const std::string said = verify(65);
  EXPECT_THAT(said, HasSubstr(std::string("WRONG:  ")));
  EXPECT_THAT(said, HasSubstr(damage.wrong));
  EXPECT_THAT(said, HasSubstr(damage.advice));
  damage.mend(log);
  verify(0);
  log.start();  // slurper itself takes it, too
  verify(0);
}

INSTANTIATE_TEST_SUITE_P(
    All, Mending,
    testing::Values(
        Damage{"ASegmentMovedAway", [](Log& log) { fs::rename(log.segment(2), log.backup()); },
               "no segment holds the offsets 8000 to 12000 (4000 bytes)",
               "Put it back, as 'messages.00000000000000008000'",
               [](Log& log) { fs::rename(log.backup(), log.file("messages.00000000000000008000")); }},
        Damage{"ASegmentGoneForGood", [](Log& log) { fs::remove(log.segment(1)); },
               "no segment holds the offsets 4000 to 8000 (4000 bytes)",
               "verify reports the gap until the segments before it are gone, too",
               [](Log& log) { fs::remove(log.segment(0)); }},
        Damage{"ASegmentThatSomebodyHasWrittenTo",
               [](Log& log) {
                 fs::copy_file(log.segment(1), log.backup());
                 std::ofstream(log.segment(1), std::ios::app) << "not ours\n";
               },
               "the segment at offset 8000 begins before the end of the one before it, 8009",
               "cut it back: truncate -s 4000 'messages.00000000000000004000'",
               [](Log& log) { fs::resize_file(log.segment(1), 4000); }},
        Damage{"AnothersSegment",
               [](Log& log) { fs::copy_file(log.segment(0), log.file("messages.00000000000000004001")); },
               "the segment at offset 4001 begins before the end of the one before it, 8000",
               "Does 'messages.00000000000000004001' belong to another log? Then move it away",
               [](Log& log) { fs::rename(log.file("messages.00000000000000004001"), log.backup()); }},
        Damage{"ADamagedCompressedSegment",
               [](Log& log) {
                 fs::copy_file(log.segment(1), log.backup());
                 change_byte(log.segment(1), 40);
               },
               "'messages.00000000000000004000.zst', from offset 4000 on, is damaged",
               "Restore it from a backup",
               [](Log& log) { fs::rename(log.backup(), log.file("messages.00000000000000004000.zst")); },
               {"log.compress=zstd"}},
        Damage{"NoIndex", [](Log& log) { fs::remove(log.index()); },
               "the log's index '.messages.index' is missing", "At its next start, slurper creates one",
               start_slurper},
        Damage{"NoWholeSlotInTheIndex",
               [](Log& log) {
                 change_byte(log.index(), 100);
                 change_byte(log.index(), 700);
               },
               "can't be used: no slot of it is whole", "Move it away: slurper then creates a new one",
               [](Log& log) {
                 fs::rename(log.index(), log.backup());
                 log.start();
               }},
        Damage{"TheActiveSegmentMovedAway", [](Log& log) { fs::rename(log.file("messages"), log.backup()); },
               "is missing", "Was it moved away? Put it back",
               [](Log& log) { fs::rename(log.backup(), log.file("messages")); }},
        Damage{"TheActiveSegmentGoneForGood", [](Log& log) { fs::remove(log.file("messages")); },
               "is missing", "slurper continues in a new file, with the next line or at its next start",
               start_slurper},
        Damage{"TheActiveSegmentRestored",
               [](Log& log) {
                 fs::copy_file(log.file("messages"), log.backup());
                 fs::rename(log.backup(), log.file("messages"));
               },
               "is not the file that the index knows", "Was it copied or restored? Then nothing is wrong",
               start_slurper},
        Damage{"TheActiveSegmentCut", [](Log& log) { fs::resize_file(log.file("messages"), 10); },
               "another process has cut it, or moved its file away",
               "let the next start of slurper continue behind the gap", start_slurper}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace slurper::test
