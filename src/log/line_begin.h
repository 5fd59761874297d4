// Lines of the log, by offset.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

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

// The checksum of a line, without its newline. CRs at its end do not count: whether they belong to the line
// is a setting.
[[nodiscard]] std::uint32_t line_checksum(std::string_view line);

// That of the line that ends at `end`; 0 if the log can't tell: the line's beginning is gone, it is damaged
// or longer than any record, or no line ends there. Errors as line_begin().
[[nodiscard]] Result<std::uint32_t> checksum_of_line_before(Os& os, const LogPaths& paths,
                                                            const LogFeed& feed, StreamOffset end,
                                                            const std::function<bool()>& stops = {});

}  // namespace slurper
