#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "daemon/daemon.h"

namespace slurper {

Command add_run_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("run", "read the FIFO into the log, in the foreground");
  const auto options = add_config_options(*parser);
  parser->footer(parser->get_footer() +
                 "\n\nSignals: TERM and INT empty the pipe and leave; HUP reads the settings again and\n"
                 "reopens the log; USR1 rotates the log; USR2 prints the status.");
  return {parser, [options] {
            const Result<Settings> settings = options->load();
            if (!settings) return report(settings.error());
            return run_daemon(*settings, [options] { return options->load(); });
          }};
}

}  // namespace slurper
