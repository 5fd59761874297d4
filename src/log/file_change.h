// What others have done to the file that slurper writes.
#pragma once

#include <cstdint>

namespace slurper {

struct FileFacts {
  bool has_name = true;       // some path still leads to it
  std::uint64_t written = 0;  // the bytes that slurper has written to it
  std::uint64_t found = 0;    // the bytes that it holds
  // The last bytes that slurper wrote stand where it wrote them. Asked for only if the file holds more than
  // that.
  bool ends_alike = true;
};

enum class FileChange {
  None,
  Unlinked,  // its last name was removed
  Appended,  // another process's bytes are behind slurper's
  Emptied,   // it was cut to nothing, as logrotate's copytruncate does
  Altered,   // it was cut to a part or overwritten, or holds another process's bytes alone
};

// Whether `ends_alike` counts.
[[nodiscard]] bool needs_bytes(const FileFacts& facts);

// Pure.
[[nodiscard]] FileChange classify_change(const FileFacts& facts);

}  // namespace slurper
