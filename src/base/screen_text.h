// Texts of a fixed width, and figures, for views that are drawn again each second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slurper {

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

// The first `width` characters, filled up with blanks. A text that is cut ends in "+".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

// The last `width` characters of a path, behind "+" if some are missing.
[[nodiscard]] std::string fitted_path(std::string_view path, std::size_t width);

// "program (4711)": the number stays whole.
[[nodiscard]] std::string fitted_process(std::string_view process, std::size_t width);

// "12", "0.3", "-" for nothing; per second.
[[nodiscard]] std::string rate(std::uint64_t count, double seconds);
// "1.43MiB", "-" for nothing; per second.
[[nodiscard]] std::string byte_rate(std::uint64_t count, double seconds);

// "[####..]", of `width` columns and two brackets: how much `part` is of `whole`. Any part shows.
[[nodiscard]] std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width = 6);

}  // namespace slurper
