// What strace and sysdig's chisels count in the same program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::IsSupersetOf;

struct Totals {
  int calls = 0;
  int errors = 0;
  int read = 0;
  int written = 0;
  bool operator==(const Totals&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Totals& totals) {
  return out << totals.calls << " calls, " << totals.errors << " errors, " << totals.read << " bytes read, "
             << totals.written << " written";
}

// By process and by file.
struct Work {
  std::vector<Totals> processes;
  std::map<std::string, int> bytes;
};

class Witnesses : public BothEngines {
 protected:
  void SetUp() override {
    BothEngines::SetUp();
    fs::create_directory(work_);
  }

  // The program under strace, which has a file for each process.
  Work by_strace() {
    const std::string traces = folder_ / "strace";
    fs::create_directory(traces);
    std::vector<std::string> argv = {"strace", "-ff", "-y", "-o", traces + "/of"};
    std::ranges::copy(program_, std::back_inserter(argv));
    output_of(argv);
    Work work;
    for (const auto& file : fs::directory_iterator(traces))
      work.processes.push_back(count(read_file(file.path()), work.bytes));
    return work;
  }

  std::string work_ = folder_ / "work";
  std::vector<std::string> program_ = traced({"work", work_});

 private:
  // "read(3</tmp/file>, "..."..., 1000) = 1000", "openat(...) = -1 ENOENT (No such file or directory)"
  static Totals count(const std::string& trace, std::map<std::string, int>& bytes) {
    static const std::regex call("([a-z0-9_]+)\\((?:-?[0-9]+<([^>]*)>)?.* = (-?[0-9]+|0x[0-9a-f]+|\\?).*");
    Totals totals;
    for (const std::string& line : lines_of(trace)) {
      std::smatch found;
      if (!std::regex_match(line, found, call)) continue;
      ++totals.calls;
      const std::string result = found[3];
      if (result == "-1") ++totals.errors;
      if (result.starts_with('-') || result == "?") continue;
      const bool reads = found[1] == "read" || found[1] == "pread64";
      if (!reads && found[1] != "write") continue;
      (reads ? totals.read : totals.written) += std::stoi(result);
      bytes[found[2]] += std::stoi(result);
    }
    return totals;
  }
};

INSTANTIATE_TEST_SUITE_P(Each, Witnesses, both_engines(), name_of_engine);

TEST_P(Witnesses, StraceCountsTheSameCallsBytesAndErrors) {
  const Work expected = by_strace();
  ASSERT_EQ(expected.processes.size(), 2U);
  ASSERT_EQ(record(arguments({"-w", capture_}, program_)).status, 0);
  std::map<int, Totals> by_pid;
  for (const std::string& line : slurper(capture_, {"--summary"})) {
    static const std::regex row(
        " *([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +[0-9.]+  traced_program \\(([0-9]+)\\)");
    std::smatch found;
    if (std::regex_match(line, found, row))
      by_pid[std::stoi(found[5])] = {std::stoi(found[1]), std::stoi(found[2]), std::stoi(found[3]),
                                     std::stoi(found[4])};
  }
  std::vector<Totals> seen;
  for (const auto& [pid, totals] : by_pid) seen.push_back(totals);
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(expected.processes));
}

// "data":[["/tmp/file",10100],…]: the last number of each.
std::map<std::string, int> totals_of_chisel(const std::string& capture, std::vector<std::string> chisel) {
  chisel.insert(chisel.begin(), {"-j", "-c"});
  static const std::regex entry("\\[\"([^\"]*)\"(?:,\"[^\"]*\")?,([0-9]+)\\]");
  std::map<std::string, int> totals;
  for (const std::string& line : sysdig(capture, chisel))
    for (std::sregex_iterator at(line.begin(), line.end(), entry), end; at != end; ++at)
      totals[(*at)[1]] += std::stoi((*at)[2]);
  return totals;
}

TEST_P(Witnesses, ChiselsOfSysdigHaveTheTotalsOfStrace) {
  const Work expected = by_strace();
  ASSERT_EQ(record(arguments({"-w", capture_}, program_)).status, 0);
  auto bytes = totals_of_chisel(capture_, {"fdbytes_by", "fd.name"});
  for (const char* name : {"/file", "/other"})
    EXPECT_EQ(bytes[work_ + name], expected.bytes.at(work_ + name));
  int all = 0;
  for (const auto& [name, count] : bytes) all += count;
  int all_of_strace = 0;
  for (const auto& [name, count] : expected.bytes) all_of_strace += count;
  EXPECT_EQ(all, all_of_strace);
  EXPECT_EQ(totals_of_chisel(capture_, {"topprocs_errors"})["traced_program"],
            expected.processes[0].errors + expected.processes[1].errors);
}

TEST_P(Witnesses, ChiselsOfSysdigShowFilesAndTheirData) {
  ASSERT_EQ(record(arguments({"-w", capture_}, program_)).status, 0);
  const auto spied = sysdig(capture_, {"-c", "spy_file", "W"});
  EXPECT_THAT(spied, Contains(testing::EndsWith(" W 13B " + work_ + "/other ")).Times(30));
  EXPECT_THAT(spied, Contains("of the child").Times(30));
  const auto echoed = sysdig(capture_, {"-c", "echo_fds", "disable_color"});
  EXPECT_THAT(
      echoed,
      Contains(testing::MatchesRegex("-+ Write 13B to +" + work_ + "/other \\(traced_program\\)")).Times(30));
  EXPECT_THAT(echoed,
              Contains(testing::MatchesRegex("-+ Read 1000B from +" + work_ + "/file \\(traced_program\\)"))
                  .Times(5));
}

TEST_P(Witnesses, TheChiselLsofListsWhatAProcessHasOpen) {
  const std::string file = folder_ / "file";
  Pipe in;
  Child holder({.argv = {"sh", "-c", "exec 5>\"$1\" 6</; echo; read x; echo x >&5", "sh", file}, .env = {}},
               in.read_end.get());
  ASSERT_TRUE(eventually([&] { return holder.out() == "\n"; }));
  Child recording(recorder({"-w", capture_, "-p", std::to_string(holder.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  in.write_end.reset();
  ASSERT_TRUE(holder.exits_with(0));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  std::vector<std::string> rows;
  for (const std::string& line : sysdig(capture_, {"-c", "lsof", "proc.pid=" + std::to_string(holder.pid())}))
    rows.push_back(std::regex_replace(line, std::regex(" +"), " "));
  const std::string process = "sh " + std::to_string(holder.pid()) + " " + std::to_string(holder.pid()) + " ";
  EXPECT_THAT(rows, IsSupersetOf({testing::MatchesRegex(process + ".* 5 file " + file + " ?"),
                                  testing::MatchesRegex(process + ".* 6 directory / ?"),
                                  testing::MatchesRegex(process + ".* 0 pipe .*")}));
}

}  // namespace
}  // namespace slurper::test
