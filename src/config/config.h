// From a TOML file and the command line to checked settings.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// What a package installs, and what is read where the command line names no FIFO, no log, and no file.
inline constexpr const char* kDefaultConfigFile = "/etc/slurper/slurper.toml";

// The settings in `file` (none: only the defaults), with `overrides`, each "table.key=value", on top in their
// order, and the sinks of `sink_urls` beside those of the file. A value there is a bare word (zstd, 0640,
// 100MiB) or a TOML string in quotes. Paths come out absolute. Errors: Config with the place as
// FILE:LINE:COLUMN or "--set key=value", what stands there, and what may; Usage for an override without '=';
// NoInput, NoPermission or Io where the file can't be read. Any thread.
[[nodiscard]] Result<Settings> load_settings(const std::optional<std::string>& file,
                                             std::span<const std::string> overrides,
                                             std::span<const std::string> sink_urls = {});

// The same for the text of a file; `name` stands for the file in messages.
[[nodiscard]] Result<Settings> parse_settings(std::string_view text, const std::string& name,
                                              std::span<const std::string> overrides,
                                              std::span<const std::string> sink_urls = {});

// What is allowed and still probably not what was meant: a sentence each, for a warning.
[[nodiscard]] std::vector<std::string> lint(const Settings& settings);

enum class Comments { None, All };

// Every setting as TOML, which parse_settings reads back to the same. With all comments it is the example
// file.
[[nodiscard]] std::string to_toml(const Settings& settings, Comments comments = Comments::None);

}  // namespace slurper
