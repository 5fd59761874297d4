// The settings: any texts as FILE and the files of its folder, one behind the other with an 0x1c (a file
// separator) between them, and after each NUL an override.
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
  std::vector<slurper::ConfigText> files;
  for (bool is_last = false; !is_last;) {
    const std::size_t end = std::min(text.find('\x1c'), text.size());
    files.push_back({.name = files.empty() ? "x.toml" : "x.toml.d/\n" + std::to_string(files.size()),
                     .text = std::string(text.substr(0, end))});
    is_last = end == text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }

  slurper::Origins origins;
  const auto settings = slurper::parse_settings(files, overrides, {}, &origins);
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
  const std::string with_origins = to_toml(*settings, slurper::Comments::None, origins);
  for (const std::string& printed :
       {to_toml(*settings), to_toml(*settings, slurper::Comments::All), with_origins}) {
    const auto again = slurper::parse_settings({{{.name = "x.toml", .text = printed}}}, {});
    require(again.has_value() && *again == *settings, "what is printed is read back to the same settings");
  }
  require(settings->fifo.path.starts_with('/') && settings->log.path.starts_with('/'), "paths are absolute");
  (void)slurper::lint(*settings);  // no property but to survive

  require(origins.files.size() == files.size(), "each file is listed");
  std::size_t sinks = 0;
  for (const slurper::Origins::File& file : origins.files) sinks += file.sinks;
  require(sinks == settings->sinks.size(), "sinks add up");
  // A last file wins over all before it.
  slurper::Settings last = *settings;
  last.sinks.clear();
  files.push_back({.name = "x.toml.d/last", .text = to_toml(last)});
  const auto overridden = slurper::parse_settings(files, {}, {}, &origins);
  require(overridden.has_value() && *overridden == *settings, "the last file wins");
  for (const slurper::Key& key : slurper::keys())
    require(origins.places_of(key).back().starts_with("x.toml.d/last:"), "and is where each value is from");
  return 0;
}
