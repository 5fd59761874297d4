// The settings: any text as a file, and after each NUL an override.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/config.h"
#include "fuzz/fuzz.h"
#include "support/text_of.h"

using slurper::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = slurper::fuzz::as_text(data, size);
  // What is required comes first, so that inputs need not say it to get further.
  std::vector<std::string> overrides = {"fifo.path=/run/f", "log.path=/var/log/m"};
  while (text.find('\0') != std::string_view::npos) {
    const std::size_t nul = text.rfind('\0');
    overrides.insert(overrides.begin() + 2, std::string(text.substr(nul + 1)));
    text = text.substr(0, nul);
  }

  const auto settings = slurper::parse_settings(text, "x.toml", overrides);
  if (!settings) {
    const slurper::Error& error = settings.error();
    const std::string message = slurper::test::text_of(error);
    require(error.kind == slurper::ErrorKind::Config || error.kind == slurper::ErrorKind::Usage,
            "the kind fits");
    require(!error.why.empty(), "an error says why");
    require(slurper::is_utf8(message), "messages are UTF-8");
    require(
        std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
        "messages are one line without orders to a terminal");
    return 0;
  }
  for (const slurper::Comments comments : {slurper::Comments::None, slurper::Comments::All}) {
    const auto again = slurper::parse_settings(slurper::to_toml(*settings, comments), "x.toml", {});
    require(again.has_value() && *again == *settings, "what is printed is read back to the same settings");
  }
  require(settings->fifo.path.starts_with('/') && settings->log.path.starts_with('/'), "paths are absolute");
  (void)slurper::lint(*settings);  // no property but to survive
  return 0;
}
