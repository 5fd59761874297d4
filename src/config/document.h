// Reads TOML into settings. Only document.cc knows toml++ and its quirks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/setting_value.h"
#include "base/settings.h"
#include "config/origins.h"
#include "slurper/result.h"

namespace slurper {

// Assigns what the text of a file sets to `settings`, and adds it to `file`, which has the file's name, as
// messages call it. Checks each setting, but not whether they are consistent. Fails only with Config, at the
// first error in the order of the file.
[[nodiscard]] Status read_document(std::string_view text, Origins::File& file, Settings& settings);

// Reads a string as TOML writes it, with its quotes. Empty if the text is none.
[[nodiscard]] std::optional<Value> read_string(std::string_view text);

}  // namespace slurper
