// What bytes on a connection are, in the protocols that slurper knows by sight.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slurper {

struct RecordName {
  std::string text{};        // "an empty FCGI_STDIN record"; empty if it is not known
  bool is_end_mark = false;  // has no content, and only says that no more will come
};

// `data` is the beginning of `size` bytes, as much as was recorded.
[[nodiscard]] RecordName name_record(std::string_view data, std::uint64_t size);

}  // namespace slurper
