// slurper trace --explain: what a capture shows, in words.
#pragma once

#include <cstddef>
#include <string>

#include "trace/explain/explainer.h"
#include "trace/view/report.h"

namespace slurper {

struct ExplainRequest {
  bool with_notes = false;
  bool as_json = false;
};

// The findings as text, or as one JSON object a line.
[[nodiscard]] MakeReport make_explanation(const ExplainRequest& request);

// "a refused write, httpd (7), descriptor 26, <u>a1->b2 /run/app"
[[nodiscard]] std::string heading_of(const TraceFinding& finding);

}  // namespace slurper
