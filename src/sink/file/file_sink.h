// The sink `file`: writes lines to another file, with its own filter, format and rotation.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// Each record is in its file exactly once (file_destination.h). The path may have fields of the line
// (path_template.h): then each value has a file of its own (file_set.h).
[[nodiscard]] SinkType file_sink();

}  // namespace slurper
