// The types of sinks: those that are built in, and plug-ins.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "sink/runner.h"
#include "slurper/sink.h"

namespace slurper {

// Where a plug-in for the type X is looked for, as X.so.
inline constexpr const char* kSinkDirectory = SLURPER_SINK_DIRECTORY;

[[nodiscard]] std::span<const SinkType> built_in_sinks();

// The type that `settings` ask for: built in, or else a plug-in of kSinkDirectory, or the one at the path
// that the option `plugin` names. A plug-in is loaded once, and stays. Config where there is none of that
// name, or it can't be loaded, is of another version, or is no plug-in at all. Any thread.
[[nodiscard]] Result<SinkType> find_sink_type(const SinkSettings& settings);

// The sinks of these settings, nothing of them opened yet. Config with the place of the first error.
[[nodiscard]] Result<std::vector<PreparedSink>> prepare_sinks(std::span<const SinkSettings> sinks);

}  // namespace slurper
