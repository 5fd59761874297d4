// Any bytes as a flight recorder's file: reading it ends, and what it returns can be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "flight/flight_view.h"
#include "fuzz/fuzz.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

// Has one file.
class MemoryOs : public Os {
 public:
  explicit MemoryOs(std::string_view content) : content_(content) {}
  int open(const char*, int, mode_t) override { return Os::open("/dev/null", 0, 0); }
  ssize_t pread(int, void* data, std::size_t size, off_t offset) override {
    const std::string_view rest =
        content_.substr(std::min(content_.size(), static_cast<std::size_t>(offset)));
    const std::size_t got = std::min(size, rest.size());
    std::memcpy(data, rest.data(), got);
    return static_cast<ssize_t>(got);
  }

 private:
  std::string_view content_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The input is the first slots of each ring.
  using flight_format::File;
  std::string content(sizeof(File), '\0');
  std::memcpy(content.data(), flight_format::kMagic, sizeof flight_format::kMagic);
  std::memcpy(content.data() + sizeof flight_format::kMagic, &flight_format::kVersion,
              sizeof flight_format::kVersion);
  for (const std::size_t at : {offsetof(File, calls), offsetof(File, notes), offsetof(File, names)}) {
    const std::size_t part = std::min<std::size_t>(size, 512);
    std::memcpy(content.data() + at, data, part);
    data += part;
    size -= part;
  }
  MemoryOs os(content);
  const auto read = read_flight(os, "events");
  fuzz::require(read && *read, "a file of this size is read");
  if (!read || !*read) return 0;
  for (const FlightEntry& entry : (*read)->entries) {
    fuzz::require(entry.text.find_first_of("\n\x1b") == std::string::npos,
                  "a text has no control characters");
    fuzz::require(!flight_time(entry.at).empty(), "a time is shown");
  }
  return 0;
}
