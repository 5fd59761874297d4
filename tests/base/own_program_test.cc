#include "base/own_program.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;

TEST(OwnProgram, IsWhereItWasInstalledOrRelativeToThisOne) {
  constexpr const char* kVariable = "SLURPER_TEST_OWN_PROGRAM";
  const test::TempDir folder;
  const std::string installed = folder / "slurper-test-program";
  const fs::path own_folder = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path beside = own_folder / "slurper-test-program";
  EXPECT_EQ(find_own_program(kVariable, installed), installed) << "a message names it";
  std::ofstream(beside) << "x";
  EXPECT_EQ(find_own_program(kVariable, installed), beside);
  const fs::path below = own_folder.parent_path() / "libexec/slurper";
  fs::create_directories(below);
  std::ofstream(below / "slurper-test-program") << "x";
  EXPECT_EQ(find_own_program(kVariable, installed), below / "slurper-test-program");
  std::ofstream(installed) << "x";
  EXPECT_EQ(find_own_program(kVariable, installed), installed);
  ASSERT_EQ(::setenv(kVariable, "/chosen", 1), 0);  // NOLINT(concurrency-mt-unsafe): no other thread runs
  EXPECT_EQ(find_own_program(kVariable, installed), "/chosen");
  fs::remove(beside);
  fs::remove_all(below.parent_path());
}

}  // namespace
}  // namespace slurper
