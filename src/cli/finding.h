// The findings of `slurper check`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/wrap.h"
#include "slurper/result.h"

namespace slurper {

struct Finding {
  enum class Level { Ok, Warning, Error };
  Level level = Level::Ok;
  Phrase phrase;                         // with its advice
  ErrorKind kind = ErrorKind::Internal;  // the exit status, if the level is Error
  // True if `slurper run` leaves it out, because it reports the same later itself.
  bool check_only = false;
};

using Findings = std::vector<Finding>;

[[nodiscard]] inline Finding ok(Phrase phrase) {
  return {.level = Finding::Level::Ok, .phrase = std::move(phrase)};
}
[[nodiscard]] inline Finding warning(Phrase phrase) {
  return {.level = Finding::Level::Warning, .phrase = std::move(phrase)};
}
[[nodiscard]] inline Finding error(ErrorKind kind, Phrase phrase) {
  return {.level = Finding::Level::Error, .phrase = std::move(phrase), .kind = kind};
}
// Marks a finding that `slurper run` reports itself.
[[nodiscard]] inline Finding check_only(Finding finding) {
  finding.check_only = true;
  return finding;
}

// Appends `more` to `all`.
void add(Findings& all, Findings more);

// Formats one finding in lines of at most 80 columns (unless a word is longer): the level, and the words
// beside it. Ends in a newline.
[[nodiscard]] std::string to_lines(const Finding& finding, std::size_t columns = kColumns);

}  // namespace slurper
