// Sinks as URLs.
#include "config/sinks.h"

#include <algorithm>

#include "fuzz/fuzz.h"

using slurper::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sink = slurper::parse_sink_url(slurper::fuzz::as_text(data, size));
  if (!sink) {
    require(sink.error().kind == slurper::ErrorKind::Config, "an error is the configuration's");
    return 0;
  }
  for (const slurper::SinkOption& option : sink->options) {
    require(!option.values.empty(), "each option has a value");
    require(option.is_list == (option.values.size() > 1), "only what comes again is a list");
  }
  std::vector<slurper::SinkSettings> sinks = {*sink};
  if (slurper::name_sinks(sinks)) {
    require(sinks[0].name.find('/') == std::string::npos && sinks[0].name.size() <= 64, "a name is a file's");
    require(!slurper::to_toml(sinks[0]).empty(), "and it can be printed");
  }
  return 0;
}
