// `slurper cursor LOG SINK`.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

namespace slurper {

// Writes to `out` where the sink is in the log at `log_path`. If `to` is set ("beginning", "end", or an
// offset at which a line begins), it sets the cursor first. Fails if that sink runs. Returns the exit
// status; failures are reported on `err`.
[[nodiscard]] int cursor_command(const std::string& log_path, const std::string& sink,
                                 const std::optional<std::string>& to, std::FILE* out, std::FILE* err);

}  // namespace slurper
