// How texts are compared: as bytes, any bytes, NUL among them. Nothing here allocates after it was made.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace slurper {

[[nodiscard]] bool contains(std::string_view text, std::string_view part);

// Whether texts contain `part`, capital and small letters of ASCII being the same. Skips by the length of
// `part` where it can (Horspool's method); in the worst case, it compares all of `part` at each place.
class FoldedPart {
 public:
  explicit FoldedPart(std::string_view part);
  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  std::string part_;                      // in small letters
  std::array<std::uint8_t, 256> skip_{};  // by the last byte of the place; folded
};

// Whether `text`, from end to end, is what `pattern` says: '*' is any bytes, '?' one character (or one byte
// that is not UTF-8), [a-z] and [!a-z] one byte of these or of others, '\' takes the meaning from what
// follows it. Everything else, and a '[' without its ']', stands for itself.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace slurper
