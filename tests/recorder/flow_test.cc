// slurper trace --follow-bytes, compared with what the readers have got.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"
#include "trace/own_events.h"

namespace slurper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr std::size_t kLine = 32;

class Flow : public BothEngines {
 protected:
  void SetUp() override {
    BothEngines::SetUp();
    std::filesystem::create_directory(folder_ / "read");
  }

  // How many lines each writer has; SLURPER_LINES for long runs.
  static int count() {
    const char* const given = std::getenv("SLURPER_LINES");
    return given == nullptr ? 2000 : std::atoi(given);
  }
  [[nodiscard]] std::vector<std::string> task() const {
    return traced({"pass-lines", folder_ / "read", std::to_string(count())});
  }

  // Compares what slurper said with what the readers have.
  void check(const std::vector<std::string>& said) {
    static const std::regex row(
        R"((?:lines? ([0-9]+)(?: to ([0-9]+))? of pipe [0-9]+ \()?([0-9,]+) bytes?(?: at [0-9,]+)?(?: of pipe [0-9]+)?\)?: (?:an unknown writer|traced_program \(([0-9]+)\) fd [0-9]+) -> traced_program \(([0-9]+)\) fd [0-9]+(; unsure: .*)?)");
    std::map<std::string, std::size_t> places;
    std::map<std::string, std::string> read;
    for (const auto& file : std::filesystem::directory_iterator(folder_ / "read"))
      read[file.path().filename()] = read_file(file.path());
    for (const std::string& line : said) {
      std::smatch found;
      if (!std::regex_match(line, found, row)) {
        other_.push_back(line);
        continue;
      }
      std::string digits = found[3];
      std::erase(digits, ',');
      const std::size_t bytes = std::stoul(digits);
      if (!read.contains(found[5])) continue;  // the parent reads no lines
      const std::string& got = read[found[5]];
      std::size_t& place = places[found[5]];
      ASSERT_LE(place + bytes, got.size()) << line;
      for (std::size_t at = place; at < place + bytes; at += kLine) {
        const bool is_right = got.compare(at, found[4].str().size() + 1, found[4].str() + ' ') == 0;
        if (found[6].matched) {
          ++unsure_;
        } else {
          ASSERT_TRUE(is_right) << line << "\nhas " << got.substr(at, kLine);
          ++sure_;
        }
      }
      if (found[1].matched) {
        const std::size_t last = found[2].matched ? std::stoul(found[2]) : std::stoul(found[1]);
        EXPECT_EQ((last - std::stoul(found[1]) + 1) * kLine, bytes) << line;
      }
      place += bytes;
    }
    for (const auto& [reader, bytes] : read) EXPECT_EQ(places[reader], bytes.size());
  }

  std::size_t sure_ = 0;  // lines
  std::size_t unsure_ = 0;
  std::vector<std::string> other_;
};

INSTANTIATE_TEST_SUITE_P(Each, Flow, both_engines(), name_of_engine);

TEST_P(Flow, NamesTheWriterOfEachLineThatAReaderGot) {
  ASSERT_EQ(record(arguments({"-w", capture_, "--snaplen", "4095"}, task())).status, 0);
  check(slurper_lines({"--follow-bytes"}));
  EXPECT_THAT(other_, testing::IsEmpty());
  EXPECT_EQ(unsure_, 0U);
  EXPECT_EQ(sure_, 2U * static_cast<std::size_t>(count()));
}

TEST_P(Flow, IsRightOrNotSureIfLittleIsRecorded) {
  ASSERT_EQ(record(arguments({"-w", capture_, "--snaplen", "2"}, task())).status, 0);
  check(slurper_lines({"--follow-bytes"}));
  EXPECT_EQ(sure_ + unsure_, 2U * static_cast<std::size_t>(count()));
}

TEST_P(Flow, ShowsItAsItHappens) {
  const std::string lines = folder_ / "lines";
  Child live({.argv = arguments({slurper_binary(), "trace", "--engine", engine_, "--snaplen", "4095", "-o",
                                 lines, "--follow-bytes"},
                                task()),
              .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  ASSERT_TRUE(live.exits_with(0)) << live.err();
  check(lines_of(read_file(lines)));
  EXPECT_EQ(unsure_, 0U);
  EXPECT_EQ(sure_, 2U * static_cast<std::size_t>(count()));
}

// One of the writers is not recorded.
TEST_P(Flow, IsSureOfNothingThatAnotherMayHaveWritten) {
  Pipe in;
  Child passing({.argv = task(), .env = {}}, in.read_end.get());
  ASSERT_TRUE(eventually([&] { return passing.out().ends_with('\n'); }));
  const std::string numbers = passing.out();
  std::smatch found;
  ASSERT_TRUE(std::regex_search(numbers, found, std::regex("([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)\n")));
  const std::string selected = found[1].str() + ',' + found[3].str() + ',' + found[4].str();
  Child recording(recorder({"-w", capture_, "--snaplen", "4095", "-p", selected}));
  ASSERT_TRUE(attached()) << recording.err();
  in.read_end.reset();
  in.write_end.reset();
  ASSERT_TRUE(passing.exits_with(0)) << passing.err();
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  check(slurper_lines({"--follow-bytes"}));
  EXPECT_EQ(sure_, 0U);
  EXPECT_GT(unsure_, 0U);
}

TEST_P(Flow, FollowsWhatTheKernelMoves) {
  ASSERT_EQ(record_program({"move-bytes", folder_.path()}).status, 0);
  std::string all;
  for (const std::string& line : slurper_lines({"--follow-bytes"})) all += line + '\n';
  EXPECT_THAT(all, HasSubstr("20,000 bytes at 0 of pipe "));
  EXPECT_THAT(all, testing::Not(HasSubstr("unsure")));
}

TEST_P(Flow, FollowsBytesFromPipeToPipe) {
  ASSERT_EQ(record_program({"pass-on"}).status, 0);
  EXPECT_THAT(slurper_lines({"--follow-bytes"}),
              ElementsAre(MatchesRegex("lines 1 to 2 of pipe [0-9]+ \\(4 bytes at 0\\): traced_program "
                                       "\\([0-9]+\\) fd [0-9]+ -> traced_program \\([0-9]+\\) fd [0-9]+"),
                          MatchesRegex("lines 1 to 6 of pipe [0-9]+ \\(13 bytes at 0\\): traced_program "
                                       "\\([0-9]+\\) fd [0-9]+ -> traced_program \\([0-9]+\\) fd [0-9]+")));
}

TEST_P(Flow, SaysWhichBytesOfAPacketAreLost) {
  ASSERT_EQ(record_program({"pass-packets"}).status, 0);
  EXPECT_THAT(
      slurper_lines({"--follow-bytes"}),
      ElementsAre(
          MatchesRegex("lines 1 to 2 of pipe [0-9]+ \\(3 bytes at 0\\): .* fd [0-9]+ -> .* fd [0-9]+, "
                       "which left 3 bytes of the packet, and they are lost"),
          MatchesRegex("line 3 of pipe [0-9]+ \\(2 bytes at 6\\): .* fd [0-9]+ -> .* fd [0-9]+")));
}

TEST_P(Flow, KeepsWhatIsAtAnOffset) {
  Child live(
      {.argv = arguments({slurper_binary(), "trace", "--engine", engine_, "-w", capture_, "pipe.offset = 6"},
                         traced({"pass-packets"})),
       .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  ASSERT_TRUE(live.exits_with(0)) << live.err();
  EXPECT_THAT(slurper_lines({"-p", "%evt.type %evt.rawres"}), ElementsAre("write 2", "read 2"));
}

TEST_P(Flow, RecordsThatAPipeFromBeforePassesPackets) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_DIRECT), 0);
  const UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  ASSERT_EQ(record(arguments({"-w", capture_}, {"true"})).status, 0);
  std::map<std::int64_t, std::int64_t> kinds;  // by descriptor
  for (const RecordedEvent& event : events_of(capture_))
    if (event.type == kPipeKindEvent) kinds[event.number(0)] = event.number(2);
  EXPECT_EQ(kinds[pipe[0]], kReadsPipe | kWasPipeBefore) << "the kernel sets O_DIRECT of the other end alone";
  EXPECT_EQ(kinds[pipe[1]], kPassesPackets | kWasPipeBefore);
}

// Two readers of one FIFO, of which each gets some of the lines.
class Thief : public RecorderSite {
 protected:
  Thief() : RecorderSite("bpf") {}

  // The lines that slurper says went to the process, by their number.
  static std::set<std::size_t> lines_to(pid_t reader, const std::vector<std::string>& said) {
    const std::regex row("lines? ([0-9]+)(?: to ([0-9]+))? of .*: recorder_test \\(" +
                         std::to_string(::getpid()) + "\\) fd [0-9]+ -> cat \\(" + std::to_string(reader) +
                         "\\) fd [0-9]+");
    std::set<std::size_t> lines;
    for (const std::string& one : said) {
      std::smatch found;
      if (!std::regex_match(one, found, row)) continue;
      const std::size_t last = found[2].matched ? std::stoul(found[2]) : std::stoul(found[1]);
      for (std::size_t line = std::stoul(found[1]); line <= last; ++line) lines.insert(line);
    }
    return lines;
  }
  static std::set<std::size_t> lines_in(const std::string& text) {
    std::set<std::size_t> lines;
    for (const std::string& line : lines_of(text)) lines.insert(std::stoul(line));
    return lines;
  }
};

TEST_F(Thief, EachLineThatItStoleIsKnown) {
  const std::string fifo = make_fifo();
  Child recording(recorder({"-w", capture_, "--fifo", fifo}));
  ASSERT_TRUE(attached()) << recording.err();
  Child reader({.argv = {"cat", fifo}, .env = {}});
  Child thief({.argv = {"cat", fifo}, .env = {}});
  int written = 0;
  {
    const UniqueFd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(writer);
    const auto write_line = [&] {
      const std::string line = std::to_string(++written) + " a line of the log\n";
      return ::write(writer.get(), line.data(), line.size()) == std::ssize(line);
    };
    // The second one may not have opened it yet, nor be awake when a line comes.
    ASSERT_TRUE(eventually([&] { return write_line() && !reader.out().empty() && !thief.out().empty(); }));
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(write_line());
  }
  ASSERT_TRUE(reader.exits_with(0));
  ASSERT_TRUE(thief.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const std::vector<std::string> said = slurper_lines({"--follow-bytes"});
  EXPECT_THAT(said, testing::Each(testing::Not(HasSubstr("unsure"))));
  EXPECT_EQ(lines_to(thief.pid(), said), lines_in(thief.out()));
  EXPECT_EQ(lines_to(reader.pid(), said), lines_in(reader.out()));
  EXPECT_EQ(lines_in(thief.out()).size() + lines_in(reader.out()).size(), static_cast<std::size_t>(written));
}

}  // namespace
}  // namespace slurper::test
