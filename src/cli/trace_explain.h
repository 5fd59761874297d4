// slurper trace --explain: what a capture shows, in words.
#pragma once

#include <cstddef>
#include <string>

#include "trace/explain/explainer.h"

namespace slurper {

struct ExplainRequest {
  bool with_notes = false;
  bool as_json = false;
  std::size_t columns = 80;  // of a line of text
};

// The findings as text, or as one JSON object a line.
[[nodiscard]] std::string explanation_text(const Explanation& explanation, const ExplainRequest& request);

// The width of the terminal; 80 if it is none.
[[nodiscard]] std::size_t columns_of(int fd);

}  // namespace slurper
