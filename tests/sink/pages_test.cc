// docs/sinks.md and docs/sinks/TYPE.md have a row for every setting that a sink declares, with its default.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sink/registry.h"

namespace slurper {
namespace {

// The cells of a table's row "| a | b |".
std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  for (std::size_t begin = 2, end = 0; (end = row.find(" |", begin - 1)) != std::string::npos;
       begin = end + 3) {
    cells.push_back(end < begin ? "" : row.substr(begin, end - begin));
  }
  return cells;
}

// What stands in backquotes in `text`.
std::vector<std::string> code_in(std::string_view text) {
  std::vector<std::string> code;
  for (std::size_t begin = text.find('`'); begin != std::string_view::npos; begin = text.find('`', begin)) {
    const std::size_t end = text.find('`', ++begin);
    if (end == std::string_view::npos) break;
    code.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return code;
}

// The rows of the tables with the heading "key": each key, with its default or "". A row may have several
// keys, with one default for all of them, or one for each.
std::map<std::string, std::string> documented(const std::string& page) {
  std::map<std::string, std::string> defaults;
  std::ifstream file(SLURPER_SOURCE_DIR "/docs/" + page);
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| key |")) in_table = true;
    if (!line.starts_with("|")) in_table = false;
    if (!in_table || !line.starts_with("| `")) continue;
    const std::vector<std::string> cells = cells_of(line);
    const std::vector<std::string> keys = code_in(cells.front());
    const std::vector<std::string> values = code_in(cells.at(1));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::size_t value = values.size() == keys.size() ? i : 0;
      EXPECT_TRUE(defaults.emplace(keys[i], value < values.size() ? values[value] : "").second)
          << page << " has " << keys[i] << " twice";
    }
  }
  EXPECT_FALSE(defaults.empty()) << page;
  return defaults;
}

class SinkPage : public testing::TestWithParam<SinkType> {};

TEST_P(SinkPage, HasEverySettingWithItsDefault) {
  const SinkType& type = GetParam();
  std::map<std::string, std::string> rows = documented("sinks/" + std::string(type.name) + ".md");
  std::map<std::string, std::string> common = documented("sinks.md");
  EXPECT_EQ(common.erase("name"), 1U);  // of every table, and no setting of a type
  rows.merge(common);
  EXPECT_TRUE(common.empty()) << "a key stands on both pages: " << common.begin()->first;

  std::set<std::string> declared = {"plugin"};  // of types that are not built in
  for (const Setting& setting : settings_of(type)) {
    declared.emplace(setting.name);
    const auto row = rows.find(std::string(setting.name));
    if (row == rows.end() || setting.initial.empty()) continue;
    EXPECT_EQ(row->second, setting.initial) << setting.name;
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : rows) keys.insert(key);
  EXPECT_EQ(keys, declared);
}

INSTANTIATE_TEST_SUITE_P(All, SinkPage, testing::ValuesIn(built_in_sinks()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace slurper
