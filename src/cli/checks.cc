#include "cli/checks.h"

#include <exception>
#include <iterator>
#include <utility>

#include "cli/check_sink_state.h"
#include "cli/check_sinks.h"
#include "cli/machine.h"
#include "cli/syslogd.h"
#include "config/config.h"

namespace slurper {

namespace {

Findings check_settings(const Settings& settings) {
  Findings all;
  for (const auto& warning : lint(settings))
    all.push_back({.level = Finding::Level::Warning, .phrase = warning});
  return all;
}

}  // namespace

Findings check_as_this_process(const Settings& settings, const std::optional<std::string>& file) {
  Findings all;
  if (file) add(all, check_configuration(*file));
  add(all, check_fifo(settings.fifo));
  add(all, check_pipe_limits(this_machine(), settings.fifo));
  add(all, check_inotify());
  add(all, check_ring(settings));
  add(all, check_log(settings.log));
  add(all, check_control(settings));
  add(all, check_textfile(settings.metrics));
  add(all, check_sinks(settings.sinks));
  add(all, check_sink_states(settings));
  return all;
}

Findings check_surroundings(const std::string& root, const Settings& settings) {
  Findings all = check_settings(settings);
  Findings syslogds = check_syslogds(root, settings.fifo.path);
  add(all, check_writers(settings.fifo, names_the_fifo(syslogds)));
  add(all, std::move(syslogds));
  add(all, check_ways_back(root, settings.sinks));
  return all;
}

std::vector<Phrase> warnings_at_start(const std::string& root, const Settings& settings,
                                      const std::optional<std::string>& file) {
  std::vector<Phrase> warnings;
  try {
    Findings all = check_settings(settings);
    if (file) add(all, check_configuration(*file));
    add(all, check_fifo(settings.fifo));
    add(all, check_ring(settings));
    add(all, check_log(settings.log));
    add(all, check_sink_words(settings.sinks));
    add(all, check_syslogds(root, settings.fifo.path));
    add(all, check_ways_back(root, settings.sinks));
    for (Finding& finding : all) {
      if (finding.level == Finding::Level::Warning && !finding.check_only)
        warnings.push_back(std::move(finding.phrase));
    }
  } catch (const std::exception&) {
    // For example, memory has run out. slurper starts even without the warnings.
  }
  return warnings;
}

}  // namespace slurper
