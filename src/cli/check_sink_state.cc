#include "cli/check_sink_state.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "log/cursor_file.h"
#include "log/log_index.h"
#include "sink/registry.h"

namespace slurper {

namespace {

Finding sink_error(const SinkSettings& sink, const Error& error) {
  Phrase phrase = as_phrase(error, PhraseId::SinkCannotStart);
  phrase.with({"sink", QuotedText{sink.name}});
  return {.level = Finding::Level::Error, .phrase = std::move(phrase), .kind = error.kind};
}

std::optional<Finding> check_cursor(const SinkSettings& sink, const LogPaths& paths,
                                    const std::optional<LogIds>& log) {
  if (!LogPaths::is_cursor_name(sink.name)) return std::nullopt;
  const Result<CursorReading> reading = read_cursor(kernel(), paths, sink.name, log);
  // A sink that never ran has no cursor.
  if (reading || reading.error().kind == ErrorKind::NoInput) return std::nullopt;
  return sink_error(sink, reading.error());
}

}  // namespace

Findings check_sink_states(const Settings& settings) {
  Findings findings;
  const LogPaths paths(settings.log.path);
  std::optional<LogIds> log;
  if (const auto index = read_index(kernel(), paths)) {
    if (const auto& record = index->record) log = record->ids();
  }
  for (const SinkSettings& sink : settings.sinks) {
    if (const auto type = find_sink_type(sink); !type) findings.push_back(sink_error(sink, type.error()));
    if (auto damaged = check_cursor(sink, paths, log)) findings.push_back(*std::move(damaged));
  }
  return findings;
}

}  // namespace slurper
