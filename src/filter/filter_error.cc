#include "filter/filter_error.h"

#include <utility>

#include "base/text.h"

namespace slurper {

FilterError filter_error(std::string_view text, std::size_t position, Phrase why, Phrase advice) {
  const std::string_view before = text.substr(0, position);
  std::string_view line = before.substr(before.rfind('\n') + 1);
  FilterError error{.line = 1 + count_lines(before), .why = std::move(why), .advice = std::move(advice)};
  for (; !line.empty(); line.remove_prefix(first_character(line).size())) ++error.column;
  return error;
}

Phrase FilterError::finding() const {
  Phrase finding(line == 1 ? PhraseId::FilterAtColumn : PhraseId::FilterAtLine);
  return finding.with({"line", line}).with({"column", column}).with({"why", why});
}

}  // namespace slurper
