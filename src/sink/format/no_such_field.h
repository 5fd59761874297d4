// What a template of lines or paths says of a field that does not exist.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "slurper/result.h"

namespace slurper {

// Names the field that was probably meant, or else all of `names`. `column` is that of `name` in the
// template, counted from 1. The phrase completes the sentence "the format is …, but ".
[[nodiscard]] Phrase no_such_field(std::string_view name, std::size_t column,
                                   std::span<const std::string_view> names);

}  // namespace slurper
