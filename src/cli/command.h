// What every sub-command is made of.
#pragma once

#include <functional>

#include "slurper/result.h"

namespace CLI {
class App;
}

namespace slurper {

// A sub-command: its part of the command line, and what it does, which returns the exit status.
struct Command {
  const CLI::App* parser;
  std::function<int()> execute;
};

Command add_run_command(CLI::App& program);
Command add_check_command(CLI::App& program);
Command add_verify_command(CLI::App& program);
Command add_recover_command(CLI::App& program);
Command add_cursor_command(CLI::App& program);

// Says on standard error what went wrong, and returns the exit status for it.
int report(const Error& error);

}  // namespace slurper
