#include "recorder/options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <charconv>
#include <string_view>

#include "base/text.h"
#include "proc/service_unit.h"
#include "trace/engine/event.h"

namespace slurper {

namespace {

constexpr int kUsage = 64;  // EX_USAGE of sysexits.h

std::unexpected<RecorderError> usage(std::string text) {
  return std::unexpected(RecorderError{kUsage, std::move(text)});
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return number;
}

Recorded<void> add_pids(std::string_view text, std::vector<pid_t>& pids) {
  while (true) {
    const std::size_t comma = text.find(',');
    const auto pid = whole_number<pid_t>(text.substr(0, comma));
    if (!pid || *pid <= 0)
      return usage(fmt::format("-p takes process ids, not {}", in_quotes(text.substr(0, comma))));
    pids.push_back(*pid);
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

Recorded<void> set_snaplen(std::string_view text, RecorderOptions& options) {
  const auto length = whole_number<std::uint32_t>(text);
  if (!length || *length >= TraceMaxPiece)
    return usage(fmt::format("--snaplen takes 0 to {} bytes, not {}", TraceMaxPiece - 1, in_quotes(text)));
  options.snaplen = *length;
  return {};
}

Recorded<void> set_duration(std::string_view text, RecorderOptions& options) {
  options.duration = parse_duration(text);
  if (!options.duration) return usage(fmt::format("--for takes a time such as 30s, not {}", in_quotes(text)));
  return {};
}

Recorded<void> set_size(std::string_view text, RecorderOptions& options) {
  const auto size = parse_byte_size(text);
  if (!size || size->bytes == 0)
    return usage(fmt::format("--size takes a size such as 100MiB, not {}", in_quotes(text)));
  options.max_size = size->bytes;
  return {};
}

Recorded<void> set_engine(std::string_view text, RecorderOptions& options) {
  if (text == "bpf") {
    options.engine = EngineChoice::Bpf;
  } else if (text == "ptrace") {
    options.engine = EngineChoice::Ptrace;
  } else {
    return usage(fmt::format("--engine takes bpf or ptrace, not {}", in_quotes(text)));
  }
  return {};
}

Recorded<void> set_unit(std::string_view text, RecorderOptions& options) {
  options.unit = unit_name(text);
  if (options.unit.empty())
    return usage(
        fmt::format("--unit takes the name of a unit of systemd, such as rsyslog, not {}", in_quotes(text)));
  return {};
}

template <typename Number>
Recorded<void> set_number(std::string_view name, std::string_view text, Number& number) {
  const auto value = whole_number<Number>(text);
  if (!value || *value < 0) return usage(fmt::format("{} takes a number, not {}", name, in_quotes(text)));
  number = *value;
  return {};
}

constexpr int kFifo = 256;
constexpr int kAllCalls = 257;
constexpr int kSnaplen = 258;
constexpr int kFor = 259;
constexpr int kSize = 260;
constexpr int kEnv = 261;
constexpr int kOutputFd = 262;
constexpr int kNeverWatched = 263;
constexpr int kEngine = 264;
constexpr int kUnit = 265;
constexpr int kProgress = 266;
constexpr int kPeers = 267;

constexpr option kLong[] = {{"fifo", required_argument, nullptr, kFifo},
                            {"all-calls", no_argument, nullptr, kAllCalls},
                            {"snaplen", required_argument, nullptr, kSnaplen},
                            {"for", required_argument, nullptr, kFor},
                            {"size", required_argument, nullptr, kSize},
                            {"env", no_argument, nullptr, kEnv},
                            {"output-fd", required_argument, nullptr, kOutputFd},
                            {"never-watch", required_argument, nullptr, kNeverWatched},
                            {"engine", required_argument, nullptr, kEngine},
                            {"unit", required_argument, nullptr, kUnit},
                            {"peers", no_argument, nullptr, kPeers},
                            {"progress", no_argument, nullptr, kProgress},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};

Recorded<void> take(int which, std::string_view value, RecorderOptions& options) {
  switch (which) {
    case 'p':
      return add_pids(value, options.pids);
    case 'w':
      options.write_to = value;
      return {};
    case 'z':
      options.compression = CaptureOutput::Compression::Gzip;
      return {};
    case 'u':
      options.user = value;
      return {};
    case 'h':
      options.help = true;
      return {};
    case kFifo:
      if (!options.fifo.empty()) return usage("--fifo may be given once only");
      options.fifo = value;
      return {};
    case kUnit:
      if (!options.unit.empty()) return usage("--unit may be given once only");
      return set_unit(value, options);
    case kAllCalls:
      options.all_calls = true;
      return {};
    case kSnaplen:
      return set_snaplen(value, options);
    case kFor:
      return set_duration(value, options);
    case kSize:
      return set_size(value, options);
    case kPeers:
      options.peers = true;
      return {};
    case kProgress:
      options.shows_progress = true;
      return {};
    case kEnv:
      options.with_environment = true;
      return {};
    case kEngine:
      return set_engine(value, options);
    case kOutputFd:
      return set_number("--output-fd", value, options.output_fd);
    case kNeverWatched:
      return set_number("--never-watch", value, options.never_watched);
    default:
      return usage("wrong option; see slurper-trace --help");
  }
}

Recorded<void> check(const RecorderOptions& options) {
  const int selected =
      !options.fifo.empty() + !options.unit.empty() + !options.pids.empty() + !options.command.empty();
  if (selected > 1) return usage("--fifo, --unit, -p and a command exclude each other");
  if (!options.user.empty() && options.command.empty())
    return usage("-u is for a command: -u USER -- COMMAND");
  if (options.compression != CaptureOutput::Compression::None && options.write_to.empty())
    return usage("-z is for a file: -w FILE -z");
  if (options.all_calls && options.fifo.empty())
    return usage("--all-calls is for --fifo; else all calls are recorded");
  if (options.peers && options.whole_machine())
    return usage("--peers is for a selection: --unit, -p or a command; else all processes are recorded");
  if (options.peers && !options.fifo.empty())
    return usage("--peers makes no sense with --fifo, which records every process that uses the FIFO");
  return {};
}

}  // namespace

Recorded<RecorderOptions> parse_options(int argc, char** argv) {
  RecorderOptions options;
  ::opterr = 0;
  for (int which = 0; (which = ::getopt_long(argc, argv, "+p:w:zu:h", kLong, nullptr)) != -1;) {
    const auto taken =
        take(which, ::optarg == nullptr ? std::string_view() : std::string_view(::optarg), options);
    if (!taken) return std::unexpected(taken.error());
  }
  for (int i = ::optind; i < argc; ++i) options.command.emplace_back(argv[i]);
  if (const auto checked = check(options); !checked && !options.help) return std::unexpected(checked.error());
  return options;
}

std::string options_help() {
  return "Records what processes do with their descriptors, in the capture format of sysdig.\n"
         "`slurper trace` runs this program; see slurper-trace(8).\n"
         "\n"
         "Usage: slurper-trace [--fifo PATH | --unit NAME | -p PID,... | -- COMMAND...] [OPTIONS]\n"
         "\n"
         "  --fifo PATH      the calls on this FIFO, by any process, and those in which its holders "
         "sleep\n"
         "  --all-calls      with --fifo: all calls of its holders\n"
         "  --unit NAME      the processes of a unit of systemd, now and after its restarts\n"
         "  -p PID,...       these processes, their descendants, and later children\n"
         "  -- COMMAND...    runs the command, records it, and exits with its status\n"
         "  --peers          also the processes at the other ends of their pipes and connections\n"
         "  -u USER          runs the command as this user\n"
         "  --engine ENGINE  bpf or ptrace (default: bpf; where that is not available, ptrace)\n"
         "  -w FILE          writes to FILE (mode 0600), not to standard output\n"
         "  -z               with -w: compresses it, by gzip\n"
         "  --output-fd N    writes to this descriptor\n"
         "  --snaplen N      keeps the first N bytes of what is read or written (default: 80)\n"
         "  --for TIME       ends after this time, e.g. 30s\n"
         "  --size SIZE      ends when the capture has this size, e.g. 100MiB\n"
         "  --env            records the environments of programs, too\n"
         "  --progress       shows on a terminal how much has been recorded\n"
         "  --never-watch PID  leaves this process out\n"
         "  -h, --help       shows this text\n"
         "\n"
         "Without a selection, it records all processes but itself and its ancestors. SIGINT and SIGTERM end "
         "the\n"
         "recording. After SIGINT, a COMMAND that still runs is recorded to its end; a second SIGINT ends "
         "that.\n";
}

}  // namespace slurper
