// Compares texts as bytes: any bytes, including NUL. Only construction allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace slurper {

[[nodiscard]] bool contains(std::string_view text, std::string_view part);

// Searches texts for `part`, and ignores ASCII case. Skips by the length of `part` if it can (Horspool's
// method); in the worst case, it compares all of `part` at each place.
class FoldedPart {
 public:
  explicit FoldedPart(std::string_view part);
  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  std::string part_;                      // in small letters
  std::array<std::uint8_t, 256> skip_{};  // by the last byte of the place; folded
};

// Whether `path` is `prefix`, or in the directory `prefix`.
[[nodiscard]] bool is_in_directory(std::string_view path, std::string_view prefix);

// Whether `pattern` matches all of `text`: '*' is any bytes, '?' one character (or one byte that is not
// UTF-8), [a-z] and [!a-z] one byte in or outside the class, '\' makes the next character literal. Everything
// else, and a '[' without its ']', stands for itself.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace slurper
