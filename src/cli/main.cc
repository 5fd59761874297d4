// slurper: the command line.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/phrase_id.h"
#include "base/text.h"
#include "cli/command.h"

namespace slurper {

namespace {

// Opens descriptors 0 to 2 if they are closed. Otherwise the first file that is opened would become standard
// error and receive its messages.
void reserve_standard_fds() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)open("/dev/null", O_RDWR);
  }
}

// Of an option that is given twice, CLI11 says "--fifo: At Most 1 required but received 2".
std::string reason_of(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::size_t place = text.find(": At Most 1 required but received ");
  return place == std::string::npos ? text : text.substr(0, place) + " may be given once only";
}

// Reports CLI11's error as one line of ours: what failed, why, and what to do.
int report_usage(const CLI::App& program, const CLI::ParseError& error) {
  std::string help = "slurper";
  for (const CLI::App* command : program.get_subcommands()) help += ' ' + command->get_name();
  const std::vector<std::string> unknown = program.remaining(true);
  // In "--opt value", the option is the unknown part.
  const auto culprit =
      std::find_if(unknown.begin(), unknown.end(), [](const auto& s) { return s.starts_with('-'); });

  Phrase why = own_words(printable(reason_of(error)));
  if (!unknown.empty()) {
    why = {PhraseId::UnknownArgument,
           {{"argument", QuotedText{culprit != unknown.end() ? *culprit : unknown.front()}}}};
  } else if (program.get_subcommands().empty()) {
    why = PhraseId::NoCommandNamed;
  }
  return report({.kind = ErrorKind::Usage,
                 .what = PhraseId::UnderstandCommandLine,
                 .why = std::move(why),
                 .advice = {PhraseId::SeeHelp, {{"command", help}}}});
}

// "slurper trace FILTER -- COMMAND": the command, which is cut off. CLI11 would take it for words of the
// filter.
std::optional<std::vector<std::string>> take_traced(int& argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes =
      argc > 1 && argv[1] == std::string_view("trace") ? std::find(argv, end, std::string_view("--")) : end;
  if (dashes == end) return std::nullopt;
  argc = static_cast<int>(dashes - argv);
  return std::vector<std::string>(dashes + 1, end);
}

int command_line(int argc, char** argv) {
  CLI::App program("Reads a named pipe into a log that can be tailed, and loses no line.", "slurper");
  program.set_version_flag("-V,--version", "slurper " SLURPER_VERSION, "print the version and exit");
  program.set_help_flag("-h,--help", "print this help and exit");
  program.require_subcommand(1);
  program.get_formatter()->column_width(26);
  const std::array commands = {
      add_run_command(program),     add_check_command(program),
      add_verify_command(program),  add_recover_command(program),
      add_cursor_command(program),  add_identity_command(program),
      add_replay_command(program),  add_status_command(program),
      add_control_command(program), add_tail_command(program),
      add_inspect_command(program), add_trace_command(program, take_traced(argc, argv))};
  program.footer("Each command has its own help, for example: slurper run --help");

  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return program.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return report_usage(program, error);
  }
  for (const Command& command : commands) {
    if (command.parser->parsed()) return command.execute();
  }
  return static_cast<int>(ErrorKind::Internal);
}

}  // namespace

}  // namespace slurper

int main(int argc, char** argv) {
  try {
    slurper::reserve_standard_fds();
    return slurper::command_line(argc, argv);
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "slurper: cannot continue: %s\n", error.what());
    return static_cast<int>(slurper::ErrorKind::Internal);
  }
}
