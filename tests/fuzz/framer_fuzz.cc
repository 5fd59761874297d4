// Any bytes, cut into records: they tile the stream, and any chunking gives the same ones.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "record/cut_stream.h"

using slurper::fuzz::require;

// The first three bytes are max_line, crlf, and where the chunks' sizes begin; the others are the stream and,
// each by its value, the chunks' sizes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSettings = 3;
  if (size < kSettings) return 0;
  const slurper::FramerSettings settings{.max_line = std::size_t{1} + data[0], .crlf = data[1] % 2 != 0};
  const std::string_view stream = slurper::fuzz::as_text(data, size).substr(kSettings);
  std::size_t at = data[2];
  const auto chunk = [&] { return std::size_t{1} + data[++at % size] % 64; };
  const std::uint64_t begin = std::uint64_t{data[2]} << 40;

  const auto all = [] { return SIZE_MAX; };
  const auto at_once = slurper::cut_stream(settings, stream, begin, all, all);
  const std::string fault = slurper::fault_in(at_once, settings, stream, begin);
  require(fault.empty(), fault.c_str());
  require(slurper::cut_stream(settings, stream, begin, chunk, chunk) == at_once,
          "any chunking gives the same records");
  return 0;
}
