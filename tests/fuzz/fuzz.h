// What fuzz targets share. A target is one LLVMFuzzerTestOneInput: libFuzzer drives it
// (-DSLURPER_LIBFUZZER=ON), or driver_main.cc if there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace slurper::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A property of the code under test. Aborts if it does not hold, which is what fuzzers look for.
inline void require(bool holds, const char* property) {
  if (holds) return;
  (void)std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

}  // namespace slurper::fuzz
