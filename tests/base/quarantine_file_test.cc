#include "base/quarantine_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

class QuarantineFile : public testing::Test {
 protected:
  [[nodiscard]] std::expected<std::string, int> quarantine() {
    return quarantine_file(kernel(), path_, [&](int number) { return path_ + "." + std::to_string(number); });
  }
  test::TempDir directory_;
  const std::string path_ = directory_.path() + "/file";
};

TEST_F(QuarantineFile, TakesTheFirstNameThatIsFreeAndReplacesNothing) {
  test::write_file(path_ + ".1", "one");
  test::write_file(path_ + ".2", "two");
  test::write_file(path_ + ".4", "four");
  test::write_file(path_, "three");
  EXPECT_EQ(quarantine(), path_ + ".3");
  EXPECT_EQ(test::read_file(path_ + ".1"), "one");
  EXPECT_EQ(test::read_file(path_ + ".2"), "two");
  EXPECT_EQ(test::read_file(path_ + ".3"), "three");
  EXPECT_EQ(test::read_file(path_ + ".4"), "four");
}

TEST_F(QuarantineFile, ReportsWhyItCanNot) {
  EXPECT_EQ(quarantine(), std::unexpected(ENOENT));
}

}  // namespace
}  // namespace slurper
