// Wraps text into lines for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slurper {

// What a text is wrapped to unless a narrower terminal shows it.
inline constexpr std::size_t kColumns = 80;

// Returns `text` in lines of at most `columns` columns (unless a word is longer): the first after `lead`, the
// others indented below it. Ends in a newline.
[[nodiscard]] std::string wrap(std::string_view lead, std::string_view text, std::size_t columns = kColumns);

// A message of this program, for `fd`: in one line, which programs can read; on a terminal, wrapped. Ends in
// a newline.
[[nodiscard]] std::string message_for(int fd, std::string_view text);

}  // namespace slurper
