#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "cli/finding.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/syslogd.h"
#include "config/config.h"
#include "sink/registry.h"

namespace slurper {

namespace {

Findings check_everything(const Machine& machine, const Settings& settings) {
  Findings all;
  for (const std::string& doubt : doubts(settings))
    all.push_back({.level = Finding::Level::Warning, .text = doubt});
  for (const Findings& findings :
       {check_fifo(settings.fifo), check_pipe_limits(machine, settings.fifo), check_ring(settings),
        check_log(settings.log), check_syslogds(machine.root, settings.fifo.path)}) {
    all.insert(all.end(), findings.begin(), findings.end());
  }
  return all;
}

// The settings go to standard output, so that `slurper check > slurper.toml` makes a file of them.
int check(const ConfigOptions& options) {
  const Result<Settings> settings = options.load();
  if (!settings) return report(settings.error());
  const auto sinks = prepare_sinks(settings->sinks);
  if (!sinks) return report(sinks.error());

  Findings findings = check_everything(this_machine(), *settings);
  for (const PreparedSink& sink : *sinks) {
    for (const std::string& warning : sink.warnings)
      findings.push_back({.level = Finding::Level::Warning, .text = warning});
  }
  for (const Finding& finding : findings) fmt::print(stderr, "{}", to_lines(finding));
  fmt::print(stderr, "\n");
  fmt::print("{}", to_toml(*settings));

  const auto error = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& f) { return f.level == Finding::Level::Error; });
  if (std::fflush(stdout) != 0) return static_cast<int>(ErrorKind::Io);
  return error == findings.end() ? 0 : static_cast<int>(error->kind);
}

}  // namespace

Command add_check_command(CLI::App& program) {
  CLI::App* const parser =
      program.add_subcommand("check", "check the settings and this machine, changing nothing");
  const auto options = add_config_options(*parser);
  parser->footer(parser->get_footer() +
                 "\n\nWhat it finds goes to standard error, a line for each: ok, warning, error.\n"
                 "The settings in effect go to standard output, as TOML. The exit status is 0\n"
                 "unless there is an error.");
  return {parser, [options] { return check(*options); }};
}

}  // namespace slurper
