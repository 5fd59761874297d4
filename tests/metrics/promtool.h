// Prometheus's own parser and linter, unpacked from Debian's package.
#pragma once

#include <chrono>
#include <string>

#include "support/child.h"

namespace slurper::test {

// Returns what went wrong; empty: it is there.
inline std::string fetch_promtool() {
  Child fetching({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_PACKAGES, "prometheus"}, .env = {}});
  return fetching.exits_with(0, std::chrono::minutes(10)) ? "" : "cannot fetch it: " + fetching.err();
}

// Returns what it objects to in the metrics of a file; empty: nothing.
inline std::string promtool_says(const std::string& file) {
  Child promtool(
      {.argv = {"sh", "-c", "exec " SLURPER_PACKAGES "/usr/bin/promtool check metrics <\"$1\"", "sh", file},
       .env = {}});
  const bool is_content = promtool.exits_with(0);
  return promtool.out() + promtool.err() + (is_content ? "" : "it has not ended with 0");
}

}  // namespace slurper::test
