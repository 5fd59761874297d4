// The names of flags and constants, as sysdig shows them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slurper {

struct Symbol {
  std::uint32_t value = 0;
  std::string_view name;
};

// The order matters: sysdig takes each name whose bits are set, from the first on, and ends at the name whose
// value is all that was given.
struct SymbolTable {
  std::string_view name;  // as the rows of the events refer to it
  std::span<const Symbol> symbols;
};

// The table with that name, or nullptr.
[[nodiscard]] const SymbolTable* find_symbols(std::string_view name);

}  // namespace slurper
