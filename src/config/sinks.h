// The settings of sinks in the configuration: tables and URLs. This file knows no type of sink and treats
// none specially: each type declares the meaning of its settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// Parses the URL of a sink: TYPE[+TRANSPORT]:[//TARGET][PATH][?KEY=VALUE[&KEY=VALUE]…], see docs/sinks.md.
// Each part is the option of that name; a repeated key makes a list. %XX represents a byte; it is needed for
// a % itself, a ? in a path and a & in a value. "name" and "type" may be among the keys. Fails only with
// Config.
[[nodiscard]] Result<SinkSettings> parse_sink_url(std::string_view url);

// Names the unnamed sinks after their type and their destination, so that a sink keeps its name, under which
// its cursor is stored, as long as both stay. Fails with Config if two sinks have one name, or if a name
// can't be a part of a file name.
[[nodiscard]] Status name_sinks(std::vector<SinkSettings>& sinks);

// Returns the sink's [[sink]] table, with `comment` behind its first line.
[[nodiscard]] std::string to_toml(const SinkSettings& sink, std::string_view comment = {});

}  // namespace slurper
