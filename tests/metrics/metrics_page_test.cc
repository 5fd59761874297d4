// docs/metrics.md has every metric, with its type, and no other.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

#include "metrics/metrics_text.h"
#include "metrics/some_snapshot.h"
#include "support/files.h"

namespace slurper {
namespace {

using Types = std::map<std::string, std::string>;

TEST(MetricsPage, HasEveryMetricWithItsType) {
  const Snapshot snapshot = test::some_snapshot();
  std::istringstream text(to_textfile_text(snapshot, test::report_of(snapshot), {}));
  Types exposed;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, type, name, of;
    if (words >> hash >> type >> name >> of && type == "TYPE") exposed[name] = of;
  }
  std::istringstream page(test::read_file(SLURPER_SOURCE_DIR "/docs/metrics.md"));
  Types documented;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `slurper_")) continue;
    const std::size_t end = line.find('`', 3);
    const std::size_t type = line.find("| ", end) + 2;
    documented[line.substr(3, end - 3)] = line.substr(type, line.find(' ', type) - type);
  }
  EXPECT_EQ(exposed, documented);
  EXPECT_GT(exposed.size(), 40U);
}

}  // namespace
}  // namespace slurper
