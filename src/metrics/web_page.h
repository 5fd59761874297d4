// The status of a slurper as a page for a browser, on a phone too.
#pragma once

#include <string>
#include <string_view>

#include "control/status_report.h"

namespace slurper {

// A whole HTML document: what is wrong comes first, then what `slurper status` shows. It has no script, loads
// nothing, and asks for itself again every few seconds. Paths and names are text, whatever bytes they have.
[[nodiscard]] std::string web_page(const StatusReport& report);

// The same document for a slurper whose state is not known: `failure` says why.
[[nodiscard]] std::string web_page_of_failure(std::string_view failure);

}  // namespace slurper
