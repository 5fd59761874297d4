#include "cli/finding.h"

#include <fmt/format.h>

#include <iterator>

#include "base/wrap.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

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

std::string to_lines(const Finding& finding, std::size_t columns) {
  constexpr std::size_t kIndent = 9;
  return wrap(fmt::format("{:<{}}", name_of(finding.level), kIndent), with_advice(finding.phrase), columns);
}

}  // namespace slurper
