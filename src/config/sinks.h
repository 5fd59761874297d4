// The settings of sinks as the configuration writes them: tables, and URLs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// The sink of a URL: TYPE[+TRANSPORT]:[//TARGET][PATH][?KEY=VALUE[&KEY=VALUE]…], such as "journald:",
// "file:/var/log/auth.log?format=json", "syslog+tls://logs.example:6514?filter=severity%20<=%20err". Each
// part is the option of that name; a key that comes again makes a list. %XX stands for a byte, and only where
// it must: % itself, ? in a path, & in a value. "name" and "type" may stand among the keys like any other.
// Any other error than Config is none.
[[nodiscard]] Result<SinkSettings> parse_sink_url(std::string_view url);

// Gives a name to the sinks that have none, after what they are and where they go: it stays the same while
// that does, since the sink's position is kept under it. Config where two have one name, or a name is not a
// file's.
[[nodiscard]] Status name_sinks(std::vector<SinkSettings>& sinks);

// Its [[sink]] table.
[[nodiscard]] std::string to_toml(const SinkSettings& sink);

}  // namespace slurper
