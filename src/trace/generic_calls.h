// The arguments of calls that sysdig knows by name only: slurper records them with the result.
#pragma once

#include <cstdint>
#include <string_view>

namespace slurper {

// The names of the call's arguments, separated by blanks; empty if they are not known. What begins with "fd"
// or "epfd" is a descriptor. `number` is that of x86-64.
[[nodiscard]] std::string_view generic_arguments(std::uint16_t number);

}  // namespace slurper
