// slurper inspect --json.
#pragma once

#include <span>
#include <string>

#include "cli/inspect_text.h"

namespace slurper {

// An object on one line, with a newline. A name that is not valid UTF-8 has a second member that ends in
// "_base64" and has all of its bytes.
[[nodiscard]] std::string pipe_json(const InspectedPipe& pipe);

}  // namespace slurper
