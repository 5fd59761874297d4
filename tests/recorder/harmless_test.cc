// slurper trace --explain, on recordings of programs that do nothing wrong: it accuses none of them. Each
// workload is a script in harmless/, which gets a FIFO and a folder as its arguments. Its comments name the
// packages that it needs, and an event without which the recording would prove nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;

// What a busy machine may need for downloads.
constexpr std::chrono::minutes kLong{10};

constexpr std::array kWorkloads = {
    "coprocess.sh",
    "dd_count.sh",
    "event_loop.py",
    "fifo_for_each_line.sh",
    "find_head.sh",
    "git.sh",
    "here_document.sh",
    "make_jobserver.sh",
    "nginx_keep_alive.sh",
    "postgresql.sh",
    "process_substitution.sh",
    "python_subprocess.py",
    "refused_connection.py",
    "rsyslogd_into_fifo.sh",
    "slurper_under_load.sh",
    "sort_uniq.sh",
    "tar_gzip.sh",
    "tee.sh",
    "terminal.sh",
    "xargs_parallel.sh",
    "yes_head.sh",
};

// What follows "# KEY: " in a line of the script.
std::string noted(const std::string& script, const std::string& key) {
  const std::string begin = "# " + key + ": ";
  for (const std::string& line : lines_of(read_file(script)))
    if (line.starts_with(begin)) return line.substr(begin.size());
  return {};
}

// Unpacks Debian's packages, and installs none. Their libraries are in the folder that it returns.
std::string fetch(const std::string& packages) {
  Child fetching(
      {.argv = {"sh", "-c", std::string(SLURPER_FETCH_PACKAGES " " SLURPER_PACKAGES " ") + packages},
       .env = {}});
  EXPECT_TRUE(fetching.exits_with(0, kLong)) << fetching.err();
  for (const auto& entry : fs::directory_iterator(SLURPER_PACKAGES "/usr/lib"))
    if (entry.path().native().ends_with("-linux-gnu")) return entry.path();
  return {};
}

class Harmless : public RecorderSite, public testing::WithParamInterface<const char*> {
 protected:
  Harmless() : RecorderSite(no_recorder("bpf").empty() ? "bpf" : "ptrace") {}
};

INSTANTIATE_TEST_SUITE_P(Each, Harmless, testing::ValuesIn(kWorkloads),
                         [](const auto& workload) { return fs::path(workload.param).stem().string(); });

TEST_P(Harmless, IsNotAccused) {
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);  // some programs give up root's rights
  const std::string script = std::string(SLURPER_HARMLESS "/") + GetParam();
  std::vector<std::string> command = {"env", "PROGRAM=" + slurper_binary(), "PACKAGES=" SLURPER_PACKAGES};
  if (const std::string packages = noted(script, "Packages"); !packages.empty()) {
    const std::string libraries = fetch(packages);
    command.insert(command.end(), {"LIBRARIES=" + libraries, "LD_LIBRARY_PATH=" + libraries});
  }
  command.insert(command.end(), {script, make_fifo(), folder_.path()});
  const Recorded recorded = record(arguments({"-w", capture_}, command));
  ASSERT_EQ(recorded.status, 0) << recorded.err;

  const std::string event = noted(script, "Event");
  ASSERT_FALSE(event.empty());
  EXPECT_THAT(slurper(capture_, {event}), testing::Not(testing::IsEmpty())) << recorded.err;
  EXPECT_THAT(slurper(capture_, {"--explain"}), testing::Each(testing::Not(testing::StartsWith("Harm:"))));
}

TEST(HarmlessScripts, AreAllRun) {
  std::vector<std::string> scripts;
  for (const auto& entry : fs::directory_iterator(SLURPER_HARMLESS))
    scripts.push_back(entry.path().filename());
  EXPECT_THAT(scripts, testing::UnorderedElementsAreArray(kWorkloads));
}

}  // namespace
}  // namespace slurper::test
