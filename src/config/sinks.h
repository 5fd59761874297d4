// The settings of sinks as the configuration writes them: tables, and URLs. No type is known here, and none
// is special: what a type's settings mean is declared by the type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// The sink of a URL: TYPE[+TRANSPORT]:[//TARGET][PATH][?KEY=VALUE[&KEY=VALUE]…], see docs/sinks.md. Each part
// is the option of that name; a repeated key makes a list. %XX stands for a byte; it is needed for a %
// itself, a ? in a path and a & in a value. "name" and "type" may be among the keys. Fails only with Config.
[[nodiscard]] Result<SinkSettings> parse_sink_url(std::string_view url);

// Names the unnamed sinks after their type and their destination, so that a sink keeps its name, under which
// its position is stored, as long as both stay. Fails with Config if two sinks have one name, or a name can't
// be a file's.
[[nodiscard]] Status name_sinks(std::vector<SinkSettings>& sinks);

// Its [[sink]] table.
[[nodiscard]] std::string to_toml(const SinkSettings& sink);

}  // namespace slurper
