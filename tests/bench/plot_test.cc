// The data of a run, what is drawn of it, and whether the pages show what the data says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/data.h"
#include "bench/plot.h"
#include "support/text_of.h"

namespace slurper::bench {
namespace {

using test::text_of;

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

fs::path docs() {
  return SLURPER_DOCS;
}

std::string content_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// Why `text` is no well-formed XML; empty if it is: every tag is closed in order, every & begins an entity.
std::string fault_of(const std::string& text) {
  static const std::regex tag("<!--[^]*?-->|<(/?)([a-zA-Z]+)((?: [a-zA-Z:-]+=\"[^\"<]*\")*)(/?)>");
  std::vector<std::string> open;
  std::string between;
  auto rest = text.cbegin();
  for (std::sregex_iterator at(text.begin(), text.end(), tag), end; at != end; ++at) {
    between.append(rest, (*at)[0].first);
    rest = (*at)[0].second;
    if (!(*at)[2].matched || (*at)[4].length() > 0) continue;
    if ((*at)[1].length() == 0) {
      open.push_back((*at)[2]);
    } else if (open.empty() || open.back() != (*at)[2]) {
      return "</" + std::string((*at)[2]) + "> closes nothing";
    } else {
      open.pop_back();
    }
  }
  between.append(rest, text.cend());
  if (!open.empty()) return '<' + open.back() + "> is not closed";
  if (between.find('<') != std::string::npos) return "'<' in a text";
  if (std::regex_search(between, std::regex("&(?!(amp|lt|gt);)"))) return "'&' in a text";
  return "";
}

Record run_of(const std::string& peer, unsigned repeat, std::map<std::string, double> metrics,
              const std::string& failure = "") {
  return {.scenario = "flat",
          .peer = peer,
          .repeat = repeat,
          .outcome = {.metrics = std::move(metrics), .failure = failure}};
}

Data data_of(std::vector<Record> runs) {
  return {.machine = "a <machine> & more", .date = "2026-01-02", .runs = std::move(runs)};
}

class DataFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "slurper-plot-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Result<Data> read(const std::string& text) {
    std::ofstream(folder_ / "data.json") << text;
    return read_data(folder_ / "data.json");
  }
  fs::path folder_;
};

TEST_F(DataFile, KeepsWhatWasWritten) {
  const auto data = read(to_json(
      data_of({run_of("cat", 0, {{"lines_per_second", 1234567}, {"cpu_per_million", 0.25}}),
               run_of("sl\"ow\\\n", 1, {}, "it said \"no\""), run_of("not UTF-8: \xff", 2, {{"m", -1.5}})})));
  ASSERT_TRUE(data) << text_of(data.error());
  EXPECT_EQ(data->machine, "a <machine> & more");
  EXPECT_EQ(data->date, "2026-01-02");
  ASSERT_EQ(data->runs.size(), 3);
  EXPECT_EQ(data->runs[0].scenario, "flat");
  EXPECT_EQ(data->runs[0].outcome.metrics,
            (std::map<std::string, double>{{"lines_per_second", 1234567}, {"cpu_per_million", 0.25}}));
  EXPECT_EQ(data->runs[1].peer, "sl\"ow\\\n");
  EXPECT_EQ(data->runs[1].repeat, 1);
  EXPECT_EQ(data->runs[1].outcome.failure, "it said \"no\"");
  EXPECT_EQ(data->runs[2].peer, "not UTF-8: \xef\xbf\xbd");
  EXPECT_EQ(data->runs[2].outcome.metrics.at("m"), -1.5);
}

TEST_F(DataFile, ThatIsMissingOrSomethingElseIsAnError) {
  EXPECT_EQ(read_data(folder_ / "missing").error().kind, ErrorKind::NoInput);
  for (const std::string text : {"", "no JSON", "[]", "{}", R"({"machine": "m", "date": "d", "runs": [{}]})",
                                 R"({"machine": "m", "date": "d", "runs": [)"}) {
    const auto data = read(text);
    ASSERT_FALSE(data) << text;
    EXPECT_EQ(data.error().kind, ErrorKind::Data) << text;
    EXPECT_THAT(text_of(data.error()), HasSubstr("data.json'")) << text;
  }
}

TEST(Plots, ABarIsAsLongAsTheMedianAndALineAsTheSpread) {
  const auto drawn = drawings(
      data_of({run_of("cat", 0, {{"cpu_per_million", 2}}), run_of("cat", 1, {{"cpu_per_million", 4}}),
               run_of("cat", 2, {{"cpu_per_million", 3}}),
               run_of("slurper", 0, {{"cpu_per_million", 1}, {"noise_cpus", 0.2}})}));
  ASSERT_EQ(drawn.size(), 1);
  const std::string& svg = drawn[0].svg;
  // 4 is the greatest value: 384 wide, from 196 on.
  EXPECT_THAT(svg, HasSubstr(R"(<rect class="bar" x="196" y="112" width="288.0")"));
  EXPECT_THAT(svg, HasSubstr(R"(<path class="spread" d="M388.0 119H580.0"/>)"));
  EXPECT_THAT(svg, HasSubstr(R"(<rect class="own-bar" x="196" y="86" width="96.0")"));
  EXPECT_THAT(svg, HasSubstr(">3.00 (2.00 to 4.00)</text>"));
  EXPECT_THAT(svg, HasSubstr("slurper 1.00, cat 3.00 (2.00 to 4.00)."));
  EXPECT_THAT(svg, HasSubstr("Dots: repeats (flat 3). Processors busy with other work: 0.2."));
}

TEST(Plots, LeaveOutFailedRunsAndLogsInRam) {
  const auto drawn = drawings(data_of({run_of("slurper", 0, {{"cpu_per_million", 1}}),
                                       run_of("slurper", 1, {{"cpu_per_million", 7}}, "1 lines lost"),
                                       run_of("cat/ram", 0, {{"cpu_per_million", 9}})}));
  ASSERT_EQ(drawn.size(), 1);
  EXPECT_THAT(drawn[0].svg, HasSubstr("slurper 1.00."));
  EXPECT_THAT(drawn[0].svg, Not(HasSubstr("cat/ram")));
}

TEST(Plots, ShowPeersThatTheyDoNotKnowLast) {
  const auto drawn = drawings(
      data_of({run_of("a<b>&", 0, {{"cpu_per_million", 1}}), run_of("loop0", 0, {{"cpu_per_million", 1}}),
               run_of("slurper", 0, {{"cpu_per_million", 1}})}));
  ASSERT_EQ(drawn.size(), 1);
  EXPECT_THAT(drawn[0].svg, HasSubstr("slurper 1.00, bare loop 1.00, a&lt;b&gt;&amp; 1.00."));
  EXPECT_EQ(fault_of(drawn[0].svg), "");
}

TEST(Plots, OfNothingAreNone) {
  EXPECT_TRUE(drawings(data_of({})).empty());
  EXPECT_TRUE(drawings(data_of({run_of("slurper", 0, {}, "it died")})).empty());
}

// After a change of plot.cc or of the data, `scripts/bench --plot` draws the page's plots again.
TEST(Plots, OfThePageAreDrawnFromItsData) {
  const auto data = read_data(docs() / "performance.json");
  ASSERT_TRUE(data) << text_of(data.error());
  const auto drawn = drawings(*data);
  std::vector<std::string> files;
  const std::string page = content_of(docs() / "performance.md");
  for (const Drawing& drawing : drawn) {
    files.push_back(drawing.file);
    EXPECT_EQ(drawing.svg, content_of(docs() / "images" / drawing.file)) << drawing.file;
    EXPECT_THAT(page, HasSubstr("(images/" + drawing.file + ")"));
  }
  EXPECT_THAT(files, ElementsAre("bench-flat.svg", "bench-paced.svg", "bench-refused.svg"));
}

TEST(Plots, AndDrawingsAreWellFormedAndSayWhatTheyShow) {
  int drawings = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(docs() / "images")) {
    if (entry.path().extension() != ".svg") continue;
    ++drawings;
    const std::string svg = content_of(entry.path());
    EXPECT_EQ(fault_of(svg), "") << entry.path();
    for (const char* part :
         {"<title id=\"title\">", "<desc id=\"desc\">", "@media (prefers-color-scheme: dark)"})
      EXPECT_THAT(svg, HasSubstr(part)) << entry.path();
  }
  EXPECT_GE(drawings, 4);
}

TEST(Plots, TheCheckOfXmlFindsFaults) {
  EXPECT_EQ(fault_of("<a b=\"c\"><!-- < --><d/>e &amp; f</a>"), "");
  EXPECT_NE(fault_of("<a><b></a></b>"), "");
  EXPECT_NE(fault_of("<a>"), "");
  EXPECT_NE(fault_of("<a>1 < 2</a>"), "");
  EXPECT_NE(fault_of("<a>b & c</a>"), "");
  EXPECT_NE(fault_of("<a b=c></a>"), "");
}

}  // namespace
}  // namespace slurper::bench
