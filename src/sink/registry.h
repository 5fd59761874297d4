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

// All that the table of such a sink may have but `name` and `type`: its own settings, and every sink's.
[[nodiscard]] std::vector<Setting> settings_of(const SinkType& type);

// The type that `settings` ask for: built in, or else a plug-in of kSinkDirectory, or the one at the path
// that the option `plugin` names. A plug-in is loaded once, and stays. Config where there is none of that
// name, or it can't be loaded, is of another version, or is no plug-in at all. Any thread.
[[nodiscard]] Result<SinkType> find_sink_type(const SinkSettings& settings);

// The sinks of these settings, nothing of them opened yet. Fails with Config, and the place of the first
// error, if a setting can't be understood. A type that does not exist or a plug-in that does not load is not
// such an error: it is that sink's failure when it runs, and stops no other sink.
[[nodiscard]] Result<std::vector<PreparedSink>> prepare_sinks(std::span<const SinkSettings> sinks);

// Whether each file that slurper writes has one writer: a sink that wrote to the log would wait for its own
// lines for ever, and two sinks for each other's lock. Config, with the place of the second. Plug-ins' files
// are not looked at: no plug-in is loaded for this.
[[nodiscard]] Status check_written_files(const Settings& settings);

// Whether a reload may take these settings: each type exists, and the settings of those that are built in can
// be understood. Loads no plug-in, so that a reload never runs foreign code in the caller's thread.
[[nodiscard]] Status check_for_reload(std::span<const SinkSettings> sinks);

}  // namespace slurper
