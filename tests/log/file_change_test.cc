#include "log/file_change.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace slurper {
namespace {

using enum FileChange;

struct Case {
  const char* name;
  FileFacts facts;
  FileChange expected;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class FileChanges : public testing::TestWithParam<Case> {};

TEST_P(FileChanges, IsNamed) {
  EXPECT_EQ(classify_change(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FileChanges,
    testing::ValuesIn(std::vector<Case>{
        {"NothingHappened", {.written = 10, .found = 10}, None},
        {"NothingWasWritten", {.written = 0, .found = 0}, None},
        {"AnotherProcessAppended", {.written = 10, .found = 13}, Appended},
        {"CutAndWrittenBeyondTheOldEnd", {.written = 10, .found = 13, .ends_alike = false}, Altered},
        {"AnotherProcessWroteFirst", {.written = 0, .found = 3}, Altered},
        {"Copytruncate", {.written = 10, .found = 0}, Emptied},
        {"CutToAPart", {.written = 10, .found = 9}, Altered},
        {"Removed", {.has_name = false, .written = 10, .found = 10}, Unlinked},
        {"RemovedAfterACut", {.has_name = false, .written = 10, .found = 0}, Unlinked},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// Every combination of small sizes: the bytes count only if they are asked for, and slurper's bytes stay in
// the log only if all of them are in the file.
TEST(FileChange, HoldsForAllCombinations) {
  int seen = 0;
  for (std::uint64_t written = 0; written < 4; ++written)
    for (std::uint64_t found = 0; found < 6; ++found)
      for (int bits = 0; bits < 4; ++bits) {
        FileFacts facts{
            .has_name = (bits & 1) != 0, .written = written, .found = found, .ends_alike = (bits & 2) != 0};
        const FileChange change = classify_change(facts);
        ++seen;
        ASSERT_EQ(change == Unlinked, !facts.has_name);
        if (change == None) {
          ASSERT_EQ(found, written);
        }
        if (change == Appended) {
          ASSERT_TRUE(facts.ends_alike && found > written && written > 0);
        }
        if (change == Emptied) {
          ASSERT_TRUE(found == 0 && written > 0);
        }
        if (facts.has_name && found < written) {
          ASSERT_TRUE(change == Emptied || change == Altered);
        }
        facts.ends_alike = !facts.ends_alike;
        ASSERT_EQ(classify_change(facts) != change, needs_bytes(facts));
      }
  EXPECT_EQ(seen, 4 * 6 * 4);
}

}  // namespace
}  // namespace slurper
