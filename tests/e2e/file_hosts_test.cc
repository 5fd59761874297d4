// The sink `file` with a file for each host, in the real slurper: 300 hosts and hostile ones, over kills.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Host {
  std::string name;
  std::string file;
};

std::vector<Host> hosts(int count) {
  std::vector<Host> all = {{"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.log"},
                           {"..", "%2E..log"},
                           {".", "%2E.log"},
                           {"-", "_none.log"},
                           {"_other", "%5Fother.log"},
                           {"a%2Fb", "a%252Fb.log"},
                           {"a/b", "a%2Fb.log"}};
  for (int i = 0; i < count; ++i) all.push_back({fmt::format("host-{}", i), fmt::format("host-{}.log", i)});
  return all;
}

class FileHosts : public testing::Test {
 protected:
  [[nodiscard]] std::string sink(const std::string& more) const {
    return "file:" + folder_ + "/{host}.log?name=hosts&start=beginning&batch_time=5ms&" + more;
  }
  // Writes lines of random hosts; each host's are expected in its file, in their order.
  void write(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      const Host& host = hosts_[random_() % hosts_.size()];
      const std::string line =
          fmt::format("<13>1 2026-11-29T00:00:00Z {} prog - - - line {}\n", host.name, number_++);
      expected_[host.file] += line;
      expected_size_ += line.size();
      text += line;
      if (text.size() < 3800 && i + 1 < count) continue;
      ASSERT_TRUE(eventually([&] { return site_.holder.write(text); }));
      text.clear();
    }
  }
  // The lines in the files without the files beside them.
  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t size = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (!entry.path().filename().string().starts_with('.')) size += entry.file_size();
    }
    return size;
  }
  // Waits until every line has come, and ends slurper.
  void end(Child& slurper) {
    ASSERT_TRUE(eventually_by_progress([&] { return size(); }, [&] { return size() >= expected_size_; }))
        << slurper.err();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  void expect_each_line_once(const std::map<std::string, std::string>& expected) const {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with('.')) ++files;
    }
    EXPECT_EQ(files, expected.size());
    for (const auto& [file, lines] : expected)
      EXPECT_EQ(difference(lines, content_of(fs::path(folder_) / file)), "") << file;
  }

  const std::uint64_t seed_ = seed_from_env();
  std::mt19937_64 random_{seed_};
  Site site_;
  TempDir hosts_folder_ = TempDir::in_ram();  // a disk takes a while for the syncs of 300 new files
  const std::string& folder_ = hosts_folder_.path();
  std::vector<Host> hosts_;
  int number_ = 0;
  std::map<std::string, std::string> expected_;
  std::uint64_t expected_size_ = 0;
};

TEST_F(FileHosts, EachLineIsInTheFileOfItsHostOnceOverKills) {
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed_));
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", 12, 6);
  hosts_ = hosts(300);
  site_.sinks = {sink("max_destinations=400")};
  std::uint64_t in_flow = 0;
  std::uint64_t longest = kSanitized ? 800'000 : 200'000;  // microseconds of a life
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::uint64_t before = size();
    Child slurper = site_.start();
    write(1000);
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % longest));
    ASSERT_FALSE(slurper.wait(std::chrono::milliseconds(0))) << "it ended by itself: " << slurper.err();
    slurper.kill();
    if (size() > before) {
      ++in_flow;
    } else {
      longest += longest / 2;  // a machine that is busy, or a slow build
    }
  }
  Child slurper = site_.start();
  end(slurper);
  EXPECT_EQ(slurper.err().find("may repeat"), std::string::npos) << slurper.err();
  expect_each_line_once(expected_);
  fmt::print("{} kills, {} while the sink wrote, {} lines\n", kills, in_flow, number_);
}

// Which hosts have a file of their own stays the same over kills.
TEST_F(FileHosts, BeyondTheLimitTheRestSharesAFileOverKills) {
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed_));
  hosts_ = hosts(0);
  site_.sinks = {sink("max_destinations=3")};
  for (int kill = 0; kill < 5; ++kill) {
    Child slurper = site_.start();
    write(200);
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 100'000));
    slurper.kill();
  }
  Child slurper = site_.start();
  end(slurper);
  // The first three in the log have their own.
  std::map<std::string, std::string> expected;
  std::string log = site_.log.bytes();
  for (std::size_t begin = 0, next = 0; begin < log.size(); begin = next) {
    next = log.find('\n', begin) + 1;
    const std::string line = log.substr(begin, next - begin);
    std::string file;
    for (const Host& host : hosts_) {
      if (line.find("Z " + host.name + " prog") != std::string::npos) file = host.file;
    }
    if (!expected.contains(file) && expected.size() - expected.count("_other.log") >= 3) file = "_other.log";
    expected[file] += line;
  }
  EXPECT_EQ(expected.size(), 4U);
  expect_each_line_once(expected);
}

}  // namespace
}  // namespace slurper::test
