// A slurper that runs, with its control socket where slurper puts it by default.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/daemon.h"
#include "support/temp_dir.h"

namespace slurper::test {

class RunningSite : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::setenv("RUNTIME_DIRECTORY", runtime_.path().c_str(), 1), 0); }
  void TearDown() override { ASSERT_EQ(::unsetenv("RUNTIME_DIRECTORY"), 0); }

  [[nodiscard]] Child start(const std::vector<std::string>& more = {}) const {
    Child slurper(program(fifo_, log_, more));
    EXPECT_TRUE(slurper.said("ready")) << slurper.err();
    return slurper;
  }
  [[nodiscard]] static Program program(const std::string& fifo, const std::string& log,
                                       const std::vector<std::string>& more = {}) {
    Program program{.argv = {slurper_binary(), "run", "--fifo", fifo, "--log", log}, .env = {}};
    program.argv.insert(program.argv.end(), more.begin(), more.end());
    return program;
  }
  // The only control socket.
  [[nodiscard]] std::string socket() const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(runtime_.path())) {
      if (entry.is_socket()) found = entry.path().string();
    }
    return found;
  }

  const TempDir disk_;
  const TempDir runtime_ = TempDir::in_ram();
  const std::string fifo_ = disk_ / "fifo";
  const std::string log_ = disk_ / "messages";
};

}  // namespace slurper::test
