// Text for people: wrapped into lines for a terminal, with its plurals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slurper {

// Returns `text` in lines of at most 80 columns (unless a word is longer): the first after `lead`, the
// others indented below it. Ends in a newline.
[[nodiscard]] std::string wrap(std::string_view lead, std::string_view text);

// "1 event", "2 events".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);

// A message of this program, for `fd`: in one line, which programs can read; on a terminal, wrapped. Ends in
// a newline.
[[nodiscard]] std::string message_for(int fd, std::string_view text);

}  // namespace slurper
