// docs/filter.md says what is so: its examples compile, its tables name every field and operator and no
// others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "filter/expression.h"
#include "filter/filter_site.h"
#include "filter/parser.h"

namespace slurper {
namespace {

using testing::StartsWith;

struct Page {
  std::vector<std::string> filters;
  std::vector<std::string> fields;     // first column of the tables so headed
  std::vector<std::string> operators;  // of these, too
  std::string text;
};

// The code in `cell`, without its backquotes.
std::vector<std::string> code_in(std::string_view cell) {
  std::vector<std::string> code;
  for (std::size_t begin = cell.find('`'); begin != std::string_view::npos; begin = cell.find('`', begin)) {
    const std::size_t end = cell.find('`', ++begin);
    if (end == std::string_view::npos) break;
    code.emplace_back(cell.substr(begin, end - begin));
    begin = end + 1;
  }
  return code;
}

std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells;
  for (row.remove_prefix(2); !row.empty();) {
    const std::size_t bar = std::min(row.find(" |"), row.size());
    cells.emplace_back(row.substr(0, bar));
    row.remove_prefix(std::min(bar + 3, row.size()));
  }
  return cells;
}

Page read_page() {
  Page page;
  std::ifstream file(SLURPER_SOURCE_DIR "/docs/filter.md");
  std::string block;                 // the language of the fenced block that the line is in
  std::vector<std::string> heading;  // of the table that it is in
  for (std::string line; std::getline(file, line);) {
    page.text += line + '\n';
    if (line.starts_with("```")) {
      block = line.substr(3);
    } else if (block == "filter") {
      page.filters.push_back(line);
    } else if (block == "toml" && line.starts_with("filter = '")) {
      page.filters.push_back(line.substr(10, line.size() - 11));
    } else if (!line.starts_with("| ")) {
      heading.clear();
    } else if (heading.empty()) {
      heading = cells_of(line);
    } else if (!line.starts_with("| ---")) {
      const std::vector<std::string> cells = cells_of(line);
      if (heading.front() == "field") page.fields.push_back(code_in(cells.front()).front());
      if (heading.front() == "operator") page.operators.push_back(code_in(cells.front()).front());
      if (heading.back() == "example") {
        for (const std::string& filter : code_in(cells.back())) page.filters.push_back(filter);
      }
    }
  }
  return page;
}

TEST(FilterPage, HasExamplesThatCompile) {
  const Page page = read_page();
  EXPECT_GT(page.filters.size(), 50U);
  for (const std::string& filter : page.filters) EXPECT_THAT(complaint(filter), StartsWith("compiles"));
}

TEST(FilterPage, NamesEveryFieldWithItsType) {
  std::vector<std::string> fields;
  const Page page = read_page();
  for (const Field& field : record_fields().table()) {
    const std::vector<std::string> types = {"text", "number", "name", "time"};
    const std::string& type = types[static_cast<std::size_t>(field.type)];
    EXPECT_THAT(page.text, testing::HasSubstr("| `" + std::string(field.name) + "` | " + type + " |"));
    EXPECT_FALSE(field.help.empty());
    fields.emplace_back(field.name);
    if (!field.argument.empty())
      fields.push_back(std::string(field.name) + '[' + std::string(field.argument) + ']');
    for (const NamedValue& name : field.names) {
      if (name.name.starts_with("local")) continue;  // local0 to local7
      EXPECT_THAT(page.text, testing::HasSubstr('`' + std::string(name.name) + '`'));
    }
  }
  EXPECT_EQ(page.fields, fields);
}

TEST(FilterPage, NamesEveryOperator) {
  std::vector<std::string> names;
  for (const OperatorInfo& info : operators()) names.emplace_back(info.name);
  EXPECT_EQ(read_page().operators, names);
}

TEST(FilterPage, ShowsTheErrorAsItIs) {
  EXPECT_THAT(read_page().text,
              testing::HasSubstr(complaint("severity <= warning and progam in (sshd, sudo)")));
}

TEST(FilterPage, TellsTheLimits) {
  const std::string text = read_page().text;
  for (const std::size_t limit : {kMaxFilterDepth, kMaxFilterValues, kMaxFilterRegexes})
    EXPECT_THAT(text, testing::HasSubstr("| " + std::to_string(limit) + " |"));
  EXPECT_THAT(text, testing::HasSubstr("| 64 KiB |"));
  EXPECT_EQ(kMaxFilterLength, 64U * 1024);
}

TEST(FilterPage, SaysWhatIsNotThere) {
  for (const char* filter :
       {"program == x", "program regex x", "program pmatch (x)", "program iglob x", "program bcontains 00",
        "program bstartswith 00", "program intersects (x)", "program in ()"})
    EXPECT_THAT(complaint(filter), StartsWith("at column")) << filter;
}

}  // namespace
}  // namespace slurper
