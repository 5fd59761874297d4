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

// How many columns a terminal needs for it, at most: some characters need two.
[[nodiscard]] std::size_t columns_of(std::string_view text);

// The first `width` columns, filled up with blanks. A text that is cut ends in "+".
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

// The last `width` columns of a path, behind "+" if some are missing.
[[nodiscard]] std::string fitted_path(std::string_view path, std::size_t width);

// "program (4711)": the number stays whole.
[[nodiscard]] std::string fitted_process(std::string_view process, std::size_t width);

// The rows of `text` that fit on the screen, each cut to its width. If rows are left out, the last one says
// how many.
[[nodiscard]] std::string fitted_screen(std::string_view text, ScreenSize size);

// "12", "0.3", "-" for nothing; per second.
[[nodiscard]] std::string rate(std::uint64_t count, double seconds);
// "1.43MiB", "-" for nothing; per second.
[[nodiscard]] std::string byte_rate(std::uint64_t count, double seconds);

// "[####..]", of `width` columns and two brackets: how much `part` is of `whole`. Any part shows.
[[nodiscard]] std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width = 6);

}  // namespace slurper
