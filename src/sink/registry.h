// The types of sinks: the built-in types and plug-ins.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "sink/runner.h"
#include "slurper/sink.h"

namespace slurper {

// The folder in which slurper looks for a plug-in of the type X, as X.so.
inline constexpr const char* kSinkDirectory = SLURPER_SINK_DIRECTORY;

[[nodiscard]] std::span<const SinkType> built_in_sinks();

// Returns every setting that the table of such a sink can have except `name` and `type`: its own settings,
// and those of every sink.
[[nodiscard]] std::vector<Setting> settings_of(const SinkType& type);

// Returns the type that `settings` name: a built-in one, or else a plug-in of kSinkDirectory, or the plug-in
// at the path in the option `plugin`. A plug-in is loaded once and stays loaded. Fails with Config if no
// plug-in has that name, or if it can't be loaded, is of another version, or is not a plug-in. Any thread.
[[nodiscard]] Result<SinkType> find_sink_type(const SinkSettings& settings);

// A sink with the settings that it was made of.
struct ConfiguredSink {
  SinkSettings settings;
  std::vector<std::string> files;  // or folders that it writes; those of a plug-in are unknown
  PreparedSink prepared;
};

// Prepares the sinks of these settings; opens none of them. Fails with Config, and the place of the first
// error, if a setting is invalid. A type that does not exist, or a plug-in that does not load, is not such
// an error: that sink fails when it runs, and no other sink stops.
[[nodiscard]] Result<std::vector<ConfiguredSink>> prepare_sinks(std::span<const SinkSettings> sinks);

// Checks that each file that slurper writes has one writer. A sink that wrote to the log would wait for its
// own lines for ever, and two sinks with one file for each other's lock. Fails with Config, and the place of
// the second writer. The files of plug-ins are not checked, since this loads no plug-in.
[[nodiscard]] Status check_written_files(const Settings& settings);

// Prepares the sinks for a reload. Loads no plug-in, so that a reload never runs foreign code in the caller's
// thread: what a plug-in rejects fails that sink alone, when it runs. Fails as prepare_sinks(), and also if a
// type does not exist.
[[nodiscard]] Result<std::vector<ConfiguredSink>> prepare_reload(std::span<const SinkSettings> sinks);

}  // namespace slurper
