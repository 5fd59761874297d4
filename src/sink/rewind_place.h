// Finds the place in the log to which a sink is rewound.
#pragma once

#include <functional>

#include "base/stream_offset.h"
#include "sink/record_source.h"
#include "sink/sink_log.h"
#include "sink/sink_order.h"
#include "slurper/result.h"

namespace slurper {

// The beginning of a line, see RewindTo. Reads the log and its times, for as long as `stops` allows. Errors:
// Usage if the log does not have that place, otherwise as LogReader::read().
[[nodiscard]] Result<StreamOffset> find_rewind_place(const SinkLog& log, const RecordSource& source,
                                                     const RewindTo& to, const std::function<bool()>& stops);

}  // namespace slurper
