// slurper trace --html: a page of a capture, for a browser.
#pragma once

#include <cstdio>
#include <string>

#include "cli/trace.h"

namespace slurper {

// Writes the page of a capture into options.html_file. `filter` is the filter as the page shows it. Returns
// the exit status.
int page_command(const TraceOptions& options, const std::string& filter, std::FILE* err);

}  // namespace slurper
