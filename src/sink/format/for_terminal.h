// Lines for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

// Appends the line with each control character except the tab as "#ooo", which a terminal shows and does not
// obey.
void append_for_terminal(std::string_view line, std::string& out);

}  // namespace slurper
