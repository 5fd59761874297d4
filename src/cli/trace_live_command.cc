#include "cli/trace_live_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "cli/trace_print.h"

namespace slurper {

// What is traced may be what is printed, too: the lines of a command's trace do not mix with its output.
Result<UniqueFd> open_trace_output(const LiveOptions& options) {
  if (options.output_file.empty()) {
    const bool has_command = !options.selection.command.empty();
    return UniqueFd(::fcntl(has_command ? STDERR_FILENO : STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  UniqueFd fd(
      ::open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, about_file(PhraseId::WriteFile, options.output_file));
  return fd;
}

bool is_list_of_pids(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789,") == std::string::npos && text.front() != ',' &&
         text.back() != ',' && !text.contains(",,");
}

std::vector<pid_t> pids_in(const std::string& text) {
  std::vector<pid_t> pids;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(at, end, pid);
    if (error == std::errc()) pids.push_back(pid);
    at = rest + 1;
  }
  return pids;
}

void add_live_options(CLI::App& parser, LiveOptions& options) {
  TraceSelection& selection = options.selection;
  parser.add_option("--fifo", selection.fifo, "records the calls on this FIFO, by any process")
      ->type_name("PATH");
  parser.add_flag("--all-calls", selection.all_calls, "with --fifo: all calls of its holders");
  parser
      .add_option("--engine", selection.engine,
                  "bpf or ptrace; without it, bpf if that is\navailable, else ptrace")
      ->check(CLI::IsMember({"bpf", "ptrace"}))
      ->type_name("ENGINE");
  parser.add_option("-u,--user", selection.user, "runs the command as this user")->type_name("USER");
  parser.add_option("-w,--write", selection.write_to, "records into a file (mode 0600), and shows nothing")
      ->type_name("FILE");
  parser.add_option("-o,--output", options.output_file, "writes the lines to a file")->type_name("FILE");
  parser
      .add_option("--snaplen", selection.snaplen,
                  "records that much of what is read or written\n(default: 80)")
      ->type_name("COUNT");
  parser.add_flag("--env", selection.with_environment, "records the environments of programs, too");
  parser
      .add_option_function<std::string>(
          "--for",
          [&selection](const std::string& text) {
            selection.duration = parse_duration(text);
            if (!selection.duration) throw CLI::ValidationError("--for", "is no time such as 30s: " + text);
          },
          "ends after this time")
      ->type_name("TIME");
  parser
      .add_option_function<std::string>(
          "--size",
          [&selection](const std::string& text) {
            selection.size = parse_byte_size(text);
            if (!selection.size) throw CLI::ValidationError("--size", "is no size such as 100MiB: " + text);
          },
          "ends when the capture has this size")
      ->type_name("SIZE");
}

int live_command(const LiveOptions& options, const TraceOptions& shown, std::FILE* err) {
  const bool shows = options.selection.write_to.empty();
  Result<ViewRequest> request = view_request(shown, err);
  if (!request) return report_to(err, request.error());
  Result<UniqueFd> output = open_trace_output(options);
  if (!output) return report_to(err, output.error());
  Result<LiveTrace> live = LiveTrace::start(options.selection);
  if (!live) return report_to(err, live.error());
  if (!shows) return live->wait();
  // A recorder that fails has said why, and there is no capture to show.
  CaptureInput input(live->take_stream(), "-");
  if (input.peek(1).empty()) return live->wait();
  const int shown_status = print_capture(std::move(input), "-", std::move(*request), output->get(), err);
  const int status = live->wait();
  return status != 0 ? status : shown_status;
}

}  // namespace slurper
