#include "cli/trace_live_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/trace_files.h"
#include "cli/trace_keep.h"
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

namespace {

template <typename Time>
void add_time(CLI::App& parser, const std::string& name, Time& time, const std::string& help) {
  parser
      .add_option_function<std::string>(
          name,
          [name, &time](const std::string& text) {
            const auto parsed = parse_duration(text);
            if (!parsed) throw CLI::ValidationError(name, "is no time such as 30s: " + text);
            time = *parsed;
          },
          help)
      ->type_name("TIME");
}

template <typename Size>
void add_size(CLI::App& parser, const std::string& name, Size& size, const std::string& help) {
  parser
      .add_option_function<std::string>(
          name,
          [name, &size](const std::string& text) {
            const auto parsed = parse_byte_size(text);
            if (!parsed) throw CLI::ValidationError(name, "is no size such as 100MiB: " + text);
            size = *parsed;
          },
          help)
      ->type_name("SIZE");
}

// Adds the options that keep a part of what is recorded.
void add_keep_options(CLI::App& parser, LiveOptions& options) {
  parser
      .add_option("--until", options.until,
                  "with -w: keeps what is recorded in memory until\nan event matches, and then writes it")
      ->type_name("FILTER");
  add_time(parser, "--before", options.before, "with --until: from so long before (default: 10s)");
  add_time(parser, "--after", options.after, "with --until: to so long after (default: 1s)");
  add_size(parser, "--memory", options.memory, "with --until: at most that much (default: 256MiB)");
  parser.add_flag("--repeat", options.repeat, "with --until: goes on, into FILE.1, FILE.2, ...");
  parser
      .add_option("--rotate", options.rotate,
                  "with -w: begins FILE.1, FILE.2, ... at each --size\nor --for, and keeps the last COUNT")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
      ->type_name("COUNT")
      ->default_str("");
}

}  // namespace

void add_live_options(CLI::App& parser, LiveOptions& options) {
  TraceSelection& selection = options.selection;
  // An empty variable of a script must not select the whole machine.
  const auto must_name = [](const std::string& text) {
    return text.empty() ? std::string("must not be empty") : std::string();
  };
  parser.add_option("--fifo", selection.fifo, "records the calls on this FIFO, by any process")
      ->check(must_name)
      ->type_name("PATH");
  parser.add_option("--unit", selection.unit, "records the processes of this unit of systemd")
      ->check(must_name)
      ->type_name("NAME");
  parser.add_flag("--all-calls", selection.all_calls, "with --fifo: all calls of its holders");
  parser.add_flag("--peers", selection.peers, "also the other ends of their pipes and sockets");
  parser
      .add_option("--engine", selection.engine,
                  "bpf or ptrace; without it, bpf if that is\navailable, else ptrace")
      ->check(CLI::IsMember({"bpf", "ptrace"}))
      ->type_name("ENGINE");
  parser.add_option("-u,--user", selection.user, "runs the command as this user")->type_name("USER");
  parser
      .add_option("-w,--write", selection.write_to,
                  "records into a file (mode 0600), and shows no lines;\n- is standard output")
      ->type_name("FILE");
  parser.add_option("-o,--output", options.output_file, "writes the lines to a file")->type_name("FILE");
  parser
      .add_option("--snaplen", selection.snaplen,
                  "records that much of what is read or written\n(default: 80)")
      ->type_name("COUNT");
  parser.add_flag("--env", selection.with_environment, "records the environments of programs, too");
  add_time(parser, "--for", selection.duration, "ends after this time");
  add_size(parser, "--size", selection.size, "ends when the capture has this size");
  parser.add_flag("-z", selection.compress, "with -w: compresses the file, by gzip");
  add_keep_options(parser, options);
}

namespace {

// What the recorder must not do itself, because it applies to each file.
TraceSelection endless(TraceSelection selection) {
  selection.write_to.clear();
  selection.size.reset();
  selection.duration.reset();
  return selection;
}

// Records, and keeps a part of it. Returns the exit status: the command's, if there was one.
int keep_part(const LiveOptions& options, std::optional<TraceFilter> until, std::optional<TraceFilter> filter,
              std::FILE* err) {
  const TraceSelection& selection = options.selection;
  CaptureFiles files({.path = selection.write_to,
                      .is_numbered = options.repeat || options.rotate != 0,
                      .keep = options.rotate,
                      .may_overwrite = !until,
                      .compression = selection.compress ? CaptureOutput::Compression::Gzip
                                                        : CaptureOutput::Compression::None});
  if (const auto created = files.create(); !created) {
    fmt::print(err, "{}", message_for(::fileno(err), created.error().text));
    return created.error().status;
  }
  TraceSelection recorded = endless(selection);
  if (options.rotate == 0 || until) recorded.duration = selection.duration;
  Result<LiveTrace> live = LiveTrace::start(recorded);
  if (!live) return report_to(err, live.error());
  const std::function<void()> end = [&live] { live->end(); };
  UniqueFd stream = live->take_stream();
  const std::uint64_t size = selection.size.value_or(ByteSize{0}).bytes;
  int kept = 0;
  if (until) {
    kept = keep_incidents(std::move(stream),
                          {.until = std::move(*until),
                           .before = options.before,
                           .after = options.after,
                           .memory = options.memory,
                           .repeat = options.repeat,
                           .filter = std::move(filter)},
                          files, end, err);
  } else if (options.rotate != 0) {
    RotationOptions rotation{.size = size, .age = selection.duration, .filter = std::move(filter)};
    kept = keep_newest(std::move(stream), std::move(rotation), files, end, err);
  } else {
    kept = keep_matching(std::move(stream), std::move(*filter), size, files, end, err);
  }
  const int status = live->wait();
  const bool is_its_own = selection.command.empty() || kept > 1;
  return status == 0 && is_its_own ? kept : status;
}

}  // namespace

int live_command(const LiveOptions& options, const TraceOptions& shown, std::FILE* err) {
  const bool shows = options.selection.write_to.empty();
  Result<ViewRequest> request = view_request(shown, err);
  if (!request) return report_to(err, request.error());
  auto until = compile_trace_filter(options.until, err);
  if (!until) return report_to(err, until.error());
  if (!shows && (*until || options.rotate != 0 || request->filter))
    return keep_part(options, std::move(*until), std::move(request->filter), err);
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
