// The error of a sink whose lines come back to it.
#pragma once

#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// `what` is what the sink did. The words of `way`, which says how `back` came back, show it as "{line}".
[[nodiscard]] std::unexpected<Error> loop_error(Phrase what, Phrase way, const Record& back,
                                                Phrase advice = {});

}  // namespace slurper
