// Turns TOML files and the command line into checked settings.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "config/config_files.h"
#include "config/origins.h"
#include "slurper/result.h"

namespace slurper {

// The file that a package installs. It is read if the command line names no FIFO, no log and no file.
inline constexpr const char* kDefaultConfigFile = "/etc/slurper/slurper.toml";

// Returns the settings in `file` and in the files of its folder (none: only the defaults). A later file's
// values win over those of an earlier one, and their sinks add up. `overrides`, each "table.key=value", apply
// on top in their order; the sinks of `sink_urls` are added to those of the files. The value of an override
// is a bare word (zstd, 0640, 100MiB) or a TOML string in quotes. Paths in the result are absolute. Errors:
// Config with the place as FILE:LINE:COLUMN or "--set key=value", the value found, and the values allowed;
// Usage for an override without '='; those of read_configuration(). Any thread.
[[nodiscard]] Result<Settings> load_settings(const std::optional<std::string>& file,
                                             std::span<const std::string> overrides,
                                             std::span<const std::string> sink_urls = {},
                                             Origins* origins = nullptr);

// The same for the texts of files, in their order.
[[nodiscard]] Result<Settings> parse_settings(std::span<const ConfigText> texts,
                                              std::span<const std::string> overrides,
                                              std::span<const std::string> sink_urls = {},
                                              Origins* origins = nullptr);

// Returns a warning, one sentence, for each setting that is valid but probably unintended.
[[nodiscard]] std::vector<Phrase> lint(const Settings& settings);

enum class Comments { None, All };

// Returns every setting as TOML, which parse_settings() reads back to the same settings. With all comments
// it is the example file. What `origins` knows has its place as a comment.
[[nodiscard]] std::string to_toml(const Settings& settings, Comments comments = Comments::None,
                                  const Origins& origins = {});

}  // namespace slurper
