// Turns a TOML file and the command line into checked settings.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// The file that a package installs. It is read if the command line names no FIFO, no log and no file.
inline constexpr const char* kDefaultConfigFile = "/etc/slurper/slurper.toml";

// Returns the settings in `file` (none: only the defaults). `overrides`, each "table.key=value", apply on
// top in their order; the sinks of `sink_urls` are added to those of the file. The value of an override is a
// bare word (zstd, 0640, 100MiB) or a TOML string in quotes. Paths in the result are absolute. Errors:
// Config with the place as FILE:LINE:COLUMN or "--set key=value", the value found, and the values allowed;
// Usage for an override without '='; NoInput, NoPermission or Io if the file can't be read. Any thread.
[[nodiscard]] Result<Settings> load_settings(const std::optional<std::string>& file,
                                             std::span<const std::string> overrides,
                                             std::span<const std::string> sink_urls = {});

// The same for the text of a file; messages call the file `name`.
[[nodiscard]] Result<Settings> parse_settings(std::string_view text, const std::string& name,
                                              std::span<const std::string> overrides,
                                              std::span<const std::string> sink_urls = {});

// Returns a warning, one sentence, for each setting that is valid but probably unintended.
[[nodiscard]] std::vector<Phrase> lint(const Settings& settings);

enum class Comments { None, All };

// Returns every setting as TOML, which parse_settings() reads back to the same settings. With all comments
// it is the example file.
[[nodiscard]] std::string to_toml(const Settings& settings, Comments comments = Comments::None);

}  // namespace slurper
