// What `slurper trace` keeps of a recording: the events that match, the seconds around an incident, or the
// newest files.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>

#include "base/fd.h"
#include "cli/trace_files.h"
#include "slurper/result.h"
#include "trace/view/fields.h"

namespace slurper {

// Waits for an event that the filter matches. Until then, what is recorded stays in memory.
struct IncidentOptions {
  TraceFilter until;
  std::chrono::milliseconds before{10'000};
  std::chrono::milliseconds after{1'000};
  ByteSize memory{256ULL << 20};
  bool repeat = false;
  std::optional<TraceFilter> filter{};  // what goes into the files; `until` sees all events
};

// A file ends when it has this size or this age, and the next one begins.
struct RotationOptions {
  std::uint64_t size = 0;  // bytes; 0: no limit
  std::optional<std::chrono::milliseconds> age;
  std::optional<TraceFilter> filter{};
};

// Each reads a capture from a pipe to its end, and returns the exit status. `end` ends the recording: what it
// has reported before still comes. Both report to `err` what they have written, and where.

// The status is 1 if no event has matched.
int keep_incidents(UniqueFd stream, IncidentOptions options, CaptureFiles& files,
                   const std::function<void()>& end, std::FILE* err);
int keep_newest(UniqueFd stream, RotationOptions options, CaptureFiles& files,
                const std::function<void()>& end, std::FILE* err);
// Until the file has `size` bytes; 0: until the recording ends.
int keep_matching(UniqueFd stream, TraceFilter filter, std::uint64_t size, CaptureFiles& files,
                  const std::function<void()>& end, std::FILE* err);

}  // namespace slurper
