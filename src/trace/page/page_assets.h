// The parts of the page that are no C++, embedded by CMake. See page.html.
#pragma once

#include <string_view>

namespace slurper {

extern const std::string_view kPageTemplate;
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
// SHA-256, in hexadecimal.
extern const std::string_view kPageStyleDigest;
extern const std::string_view kPageScriptDigest;

}  // namespace slurper
