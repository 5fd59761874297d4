// The system calls of 32-bit programs, which have numbers of their own.
#pragma once

#include <cstdint>
#include <string_view>

namespace slurper {

// The name of the call with that number on i386; empty if there is none.
[[nodiscard]] std::string_view compat_call_name(std::uint16_t number);

}  // namespace slurper
