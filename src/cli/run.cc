#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "cli/checks.h"
#include "cli/command.h"
#include "cli/options.h"
#include "daemon/run_daemon.h"
#include "service/fd_store.h"
#include "service/sd_notify.h"

namespace slurper {

Command add_run_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("run", "read the FIFO into the log, in the foreground");
  const auto options = add_config_options(*parser);
  const auto level = std::make_shared<std::string>("info");
  parser->add_option("--level", *level, "minimum severity to log")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->type_name("LEVEL")
      ->capture_default_str();
  parser->footer(parser->get_footer() +
                 "\n\nSignals: TERM and INT empty the pipe and exit; HUP reloads the settings and\n"
                 "reopens the log; USR1 rotates the log; USR2 prints the status.");
  return {parser, [options, level] {
            hold_signals();
            const Result<Settings> settings = options->load();
            if (!settings) {
              const int exit_status = report(settings.error());
              if (has_socket_unit(take_passed_fds())) delay_next_start();
              return exit_status;
            }
            return run_daemon(
                *settings, [options] { return options->load(); }, *level,
                warnings_at_start("", *settings, options->used_file()));
          }};
}

}  // namespace slurper
