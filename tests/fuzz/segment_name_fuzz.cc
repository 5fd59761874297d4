// Any bytes as the name of a file in a log's folder, and as the part of one that follows the log's name.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "log/segment_name.h"

namespace {

using slurper::LogFileKind;
using slurper::LogPaths;

// What is taken for a file of the log is exactly what the log would call it.
void check(const LogPaths& paths, const std::string& name) {
  const auto parsed = paths.parse(name);
  if (!parsed) return;
  const std::string path = parsed->kind == LogFileKind::Rotated      ? paths.rotated(parsed->base)
                           : parsed->kind == LogFileKind::Compressed ? paths.compressed(parsed->base)
                                                                     : paths.temporary(parsed->base);
  if (path != paths.directory() + "/" + name) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const LogPaths paths("/d/log");
  const std::string text(data, data + size);
  check(paths, text);
  check(paths, "log." + text);
  check(paths, "log.00000000000000000042" + text);
  return 0;
}
