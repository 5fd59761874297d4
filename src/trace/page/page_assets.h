// The parts of the page that are no C++, embedded by CMake. See page.html.
#pragma once

#include <string_view>

namespace slurper {

extern const std::string_view page_template;
extern const std::string_view page_style;
extern const std::string_view page_script;
// SHA-256, in hexadecimal.
extern const std::string_view page_style_digest;
extern const std::string_view page_script_digest;

}  // namespace slurper
