// `slurper cursor LOG SINK`.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

namespace slurper {

// Says on `out` where the sink is on the log at `log_path`; with `to` ("beginning", "end", or an offset at
// which a line begins) sets that first. Not while that sink runs. Returns the exit status; messages of
// failure go to `err`.
[[nodiscard]] int cursor_command(const std::string& log_path, const std::string& sink,
                                 const std::optional<std::string>& to, std::FILE* out, std::FILE* err);

}  // namespace slurper
