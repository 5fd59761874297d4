// Runs a check of a page in a headless Chromium. SLURPER_BROWSER, the folder of browser.py, is set by the
// test's CMakeLists.txt.
#pragma once

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace slurper::test {

[[nodiscard]] inline bool has_browser() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  return std::system("command -v chromium python3 >/dev/null") == 0;
}

// Runs `script`, which drives the browser by tests/support/browser.py, with `what` to check and the page
// `html`. Returns what it printed if a check failed; else an empty text.
[[nodiscard]] inline std::string complaint_of(const std::string& script, const std::string& what,
                                              const std::string& html, const std::filesystem::path& folder) {
  const std::string page = folder / "page.html";
  std::ofstream(page, std::ios::binary) << html;
  const std::string output = folder / "output";
  const std::string command = fmt::format("PYTHONPATH={} timeout 500 python3 -B {} {} {} >{} 2>&1",
                                          SLURPER_BROWSER, script, what, page, output);
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  std::stringstream text;
  text << std::ifstream(output).rdbuf();
  return fmt::format("{}wait status {}", text.str(), status);
}

}  // namespace slurper::test
