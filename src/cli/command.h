// The parts that every sub-command has.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "slurper/result.h"

namespace CLI {
class App;
}

namespace slurper {

// A sub-command: its part of the command line, and a function that executes it and returns the exit status.
struct Command {
  const CLI::App* parser;
  std::function<int()> execute;
};

Command add_run_command(CLI::App& program);
Command add_check_command(CLI::App& program);
Command add_verify_command(CLI::App& program);
Command add_recover_command(CLI::App& program);
Command add_cursor_command(CLI::App& program);
Command add_identity_command(CLI::App& program);
Command add_replay_command(CLI::App& program);
Command add_tail_command(CLI::App& program);
Command add_inspect_command(CLI::App& program);
Command add_status_command(CLI::App& program);
Command add_control_command(CLI::App& program);
// `traced`: the command after "--", which is recorded; set if there is a "--".
Command add_trace_command(CLI::App& program, std::optional<std::vector<std::string>> traced);

// Reports the error on standard error and returns the exit status for it.
int report(const Error& error);

}  // namespace slurper
