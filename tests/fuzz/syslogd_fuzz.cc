// The settings of syslogds, as `slurper check` reads them.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "cli/syslogd.h"
#include "fuzz/fuzz.h"
#include "service/phrase_table.h"

using slurper::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = slurper::fuzz::as_text(data, size);
  const std::string fifo = "/run/slurper/fifo";
  const auto mentions = [&](std::string_view word) { return text.find(word) != std::string_view::npos; };
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;

  for (const auto check : {slurper::check_rsyslog, slurper::check_syslog_ng, slurper::check_syslog_conf}) {
    const slurper::Findings findings = check(text, "x.conf", fifo);
    require(findings.empty() || mentions("fifo"), "nothing is found where the FIFO is not named");
    for (const slurper::Finding& finding : findings) {
      const std::string words = slurper::to_text(finding.phrase);
      const std::size_t at = words.find("x.conf:");
      require(at != std::string::npos, "a finding names its place");
      const long line = std::atol(words.c_str() + at + 7);
      require(line >= 1 && line <= lines, "the place is in the file");
    }
  }
  return 0;
}
