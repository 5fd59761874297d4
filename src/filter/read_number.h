// The values of fields that are numbers, times or names, as a filter's text has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "filter/field_table.h"
#include "slurper/result.h"

namespace slurper {

// A longer name is no typing error, and would be slow to compare.
inline constexpr std::size_t kMaxGuessedName = 64;

// Reads a value of `field`, whose type is not Text. If it is none, returns advice on what to write instead.
[[nodiscard]] std::expected<std::int64_t, Phrase> read_number(const Field& field, std::string_view value);

}  // namespace slurper
