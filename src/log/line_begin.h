// Where a line of the log begins.
#pragma once

#include <functional>

#include "base/os.h"
#include "log/log_feed.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// Where the line begins that continues at `at`, which is not beyond the log's end: behind the last newline or
// gap before `at`, or at the oldest byte that there is. `at` itself if a line begins there, or if the byte
// before it is gone. Errors as LogReader::read(), and Io if `stops` says so meanwhile, since a line may be as
// long as the log.
[[nodiscard]] Result<StreamOffset> line_begin(Os& os, const LogPaths& paths, const LogFeed& feed,
                                              StreamOffset at, const std::function<bool()>& stops = {});

}  // namespace slurper
