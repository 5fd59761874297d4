// Sizes, times, and text for people.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "ring/ring_directory.h"

using slurper::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = slurper::fuzz::as_text(data, size);

  if (const auto bytes = slurper::parse_byte_size(text))
    require(slurper::parse_byte_size(slurper::format(*bytes)) == bytes, "a size is read back");
  if (const auto time = slurper::parse_duration(text))
    require(slurper::parse_duration(slurper::format(*time)) == time, "a time is read back");

  const std::string printed = slurper::printable(text);
  require(slurper::is_utf8(printed), "printable text is UTF-8");
  require(std::none_of(printed.begin(), printed.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "printable text has no controls");
  require(printed.size() >= text.size() && printed.size() <= 4 * text.size(), "printable text loses nothing");
  require(printed != text || slurper::is_utf8(text), "what is not UTF-8 does not stay as it is");

  const std::string name = slurper::escape_path(text);
  require(!name.empty() && name.size() <= 255, "an escaped path is a file name");
  require(name.find('/') == std::string::npos && name != "." && name != "..",
          "an escaped path stays in its folder");
  return 0;
}
