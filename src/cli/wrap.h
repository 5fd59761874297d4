// Words in lines for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

// `text` in lines of at most 80 columns (except for a longer word), the first after `lead`, the others
// indented as far. Ends in a newline.
[[nodiscard]] std::string wrap(std::string_view lead, std::string_view text);

}  // namespace slurper
