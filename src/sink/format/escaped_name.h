// Values of a line's fields as parts of names at a destination: a line may have any bytes as its host.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

// How a value is written in the names of one kind of destination. Two values are never written alike: a byte
// that may not stand there becomes "%XX", and '%' is such a byte.
struct NameEscapes {
  std::string_view bytes;  // escaped wherever they stand; control characters and invalid UTF-8 always are
  std::string_view first_bytes;  // escaped at the beginning of a value
  std::string_view empty;        // stands for an empty value
  std::string_view other;        // stands for all values that have no name of their own
};

// The names of files and folders. A value can't leave its folder, be "." or "..", be a hidden file, or be one
// of the names that begin with '_', which are slurper's own.
inline constexpr NameEscapes kFileNames = {
    .bytes = "/%", .first_bytes = "._", .empty = "_none", .other = "_other"};

void append_escaped(std::string_view value, const NameEscapes& escapes, std::string& out);

}  // namespace slurper
