#include "cli/finding.h"

#include <fmt/format.h>

#include <iterator>
#include <sstream>

namespace slurper {

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 9;

const char* name_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::Ok:
      return "ok";
    case Finding::Level::Warning:
      return "warning";
    case Finding::Level::Error:
      return "error";
  }
  return "";
}

}  // namespace

void add(Findings& all, Findings more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string to_lines(const Finding& finding) {
  std::string out = fmt::format("{:<{}}", name_of(finding.level), kIndent);
  std::size_t column = kIndent;
  std::istringstream words(finding.text);
  for (std::string word; words >> word;) {
    if (column > kIndent && column + 1 + word.size() > kWidth) {
      out += '\n' + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + '\n';
}

}  // namespace slurper
