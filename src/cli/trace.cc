#include "cli/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "cli/trace_explain.h"
#include "cli/trace_live_command.h"
#include "cli/trace_page.h"
#include "cli/trace_print.h"
#include "cli/trace_top.h"
#include "service/phrase_table.h"
#include "trace/flow/byte_flow.h"

namespace slurper {

namespace {

std::string_view name_of(FieldType type) {
  switch (type) {
    case FieldType::Text:
      return "text";
    case FieldType::Number:
      return "number";
    case FieldType::Name:
      return "name";
    case FieldType::Time:
      return "time";
  }
  std::unreachable();
}

std::string words_of(const std::vector<std::string>& filter) {
  return fmt::format("{}", fmt::join(filter, " "));
}

}  // namespace

Result<std::optional<TraceFilter>> compile_trace_filter(const std::string& text, std::FILE* err) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
  auto filter = TraceFilter::compile(text, trace_fields(), Dialect::Events);
  if (!filter)
    return fail(ErrorKind::Usage, {PhraseId::AcceptTraceFilter, {{"filter", QuotedText{shortened(text)}}}},
                filter.error().finding(), filter.error().advice);
  if (const auto& warning = filter->warning())
    fmt::print(err, "{}",
               message_for(::fileno(err), "the filter " + to_text(Phrase(PhraseId::FilterIsDoubtful,
                                                                         {{"finding", warning->finding()},
                                                                          {"advice", warning->advice}}))));
  return std::optional(std::move(*filter));
}

namespace {

DataStyle data_style(const TraceOptions& options) {
  if (options.ascii) return DataStyle::Ascii;
  if (options.hex_ascii) return DataStyle::HexAscii;
  if (options.hex) return DataStyle::Hex;
  return options.base64 ? DataStyle::Base64 : DataStyle::Dots;
}

TimeStyle time_style(const std::string& letter) {
  static const std::map<std::string, TimeStyle> styles = {{"h", TimeStyle::Clock},
                                                          {"a", TimeStyle::Epoch},
                                                          {"r", TimeStyle::SinceStart},
                                                          {"d", TimeStyle::Latency},
                                                          {"D", TimeStyle::SincePrevious}};
  return styles.at(letter);
}

ViewMode mode_of(const TraceOptions& options) {
  if (!options.explain.empty()) return ViewMode::Report;
  if (options.summary) return ViewMode::Summary;
  if (options.follow_bytes) return ViewMode::Bytes;
  if (options.calls) return ViewMode::Calls;
  return options.json ? ViewMode::Json : ViewMode::Lines;
}

}  // namespace

Result<ViewRequest> view_request(const TraceOptions& options, std::FILE* err) {
  Result<LineFormat> format = LineFormat::parse(options.format);
  if (!format) return std::unexpected(format.error());
  auto filter = compile_trace_filter(words_of(options.filter), err);
  if (!filter) return std::unexpected(filter.error());
  MakeReport make_report;
  if (!options.explain.empty())
    make_report = make_explanation({.with_notes = options.explain == "all", .as_json = options.json});
  return ViewRequest{.mode = mode_of(options),
                     .options = {.time = time_style(options.time),
                                 .data = data_style(options),
                                 .max_data = options.data_length},
                     .format = std::move(*format),
                     .filter = std::move(*filter),
                     .max_events = options.max_events,
                     .follows_bytes = options.format.contains(kPipeOffsetField) ||
                                      words_of(options.filter).contains(kPipeOffsetField),
                     .with_own_events = !options.sysdig,
                     .make_report = std::move(make_report)};
}

int report_to(std::FILE* err, const Error& error) {
  fmt::print(err, "{}", message_for(::fileno(err), to_text(error)));
  return std::to_underlying(error.kind);
}

int list_trace_fields(std::FILE* out) {
  for (const Field& field : trace_fields().table()) {
    std::string name(field.name);
    if (!field.argument.empty()) name += fmt::format(".{}", field.argument);
    fmt::print(out, "{}", wrap(fmt::format("{:<15} {:<7} ", name, name_of(field.type)), field.help));
  }
  return 0;
}

int trace_command(const TraceOptions& options, int out_fd, std::FILE* err) {
  Result<ViewRequest> request = view_request(options, err);
  if (!request) return report_to(err, request.error());
  Result<CaptureInput> input = CaptureInput::open(options.read_file);
  if (!input) return report_to(err, input.error());
  return print_capture(std::move(*input), options.read_file, std::move(*request), out_fd, err);
}

namespace {

// Of each of these at most one may be given. CLI11's own excludes() would fill the help with them.
constexpr std::array<std::array<std::string_view, 7>, 5> kAlternatives = {{
    {"--calls", "--summary", "--json", "--html", "--top", "--follow-bytes", "--write"},
    {"--calls", "--summary", "--explain", "--html", "--top", "--follow-bytes", "--write"},
    {"--top", "--explain", "--html", "-n"},
    {"-A", "-x", "-X", "-b"},
    {"--write", "--output", "--html"},
}};
// And none of these with -r.
constexpr std::array<std::string_view, 19> kRecording = {
    "--top",    "--fifo",    "--unit",   "--peers",  "--engine", "--all-calls", "--user",
    "--write",  "--snaplen", "--env",    "--for",    "--size",   "-z",          "--until",
    "--before", "--after",   "--memory", "--repeat", "--rotate"};
// What the first of each pair needs.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNeeds = {{
    {"-z", "--write"},
    {"--html", "--read"},
    {"--until", "--write"},
    {"--rotate", "--write"},
    {"--before", "--until"},
    {"--after", "--until"},
    {"--memory", "--until"},
    {"--repeat", "--until"},
}};

void refuse_contradictions(const CLI::App& parser) {
  const auto given = [&](std::string_view name) {
    return !name.empty() && parser.count(std::string(name)) > 0;
  };
  const auto refuse = [](std::string_view one, std::string_view other) {
    throw CLI::ValidationError(std::string(one), fmt::format("makes no sense together with {}", other));
  };
  for (const auto& group : kAlternatives) {
    std::string_view first;
    for (const std::string_view name : group) {
      if (!given(name)) continue;
      if (!first.empty()) refuse(first, name);
      first = name;
    }
  }
  for (const auto& [option, other] : kNeeds) {
    if (given(option) && !given(other))
      throw CLI::ValidationError(std::string(option), fmt::format("makes no sense without {}", other));
  }
  if (given("--until") && given("--size")) refuse("--size", "--until");
  const bool is_rotated = given("--rotate") && !given("--repeat");
  if (is_rotated && !given("--size") && !given("--for"))
    throw CLI::ValidationError("--rotate", "needs --size or --for, at which the next file begins");
  if (given("--rotate") && given("--until") && !given("--repeat"))
    throw CLI::ValidationError("--rotate", "makes sense with --until only if there is --repeat");
  if (!given("--read")) return;
  for (const std::string_view name : kRecording)
    if (given(name)) refuse(name, "--read");
}

// CLI11 takes "-3" and what is too large for a number.
std::string objection_to_count(std::int64_t least, const std::string& text) {
  constexpr std::size_t kMostDigits = 18;
  const bool is_number = !text.empty() && text.size() <= kMostDigits &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && std::stoll(text) >= least) return {};
  return fmt::format("{} is no number from {} on", text, least);
}

// Adds the options that choose what is shown, and how.
void add_view_options(CLI::App& parser, TraceOptions& options) {
  parser.add_option("FILTER", options.filter, "shows or records only matching events; see --list");
  parser
      .add_option("-p,--print", options.format,
                  "process ids (12,345), or the line's format, as\n\"%evt.num %proc.name\"; with * in front, "
                  "<NA> is\nwhat an event lacks")
      ->type_name("PIDS|FORMAT")
      ->default_str("");
  parser.add_flag("--calls", options.calls, "a call in one line, with its duration");
  parser.add_flag("-S,--summary", options.summary, "totals, the slowest and the failed calls");
  parser
      .add_flag("--explain", options.explain,
                "what has gone wrong, which events prove it, and\nwhat to do; =all: also what is harmless")
      ->check([](const std::string& value) {
        return value == "true" || value == "all" ? "" : "can only be =all, not =" + value;
      });
  parser.add_flag("--follow-bytes", options.follow_bytes,
                  "which lines went through each pipe, from whom to\nwhom, instead of events");
  parser.add_flag("-j,--json", options.json, "one JSON object a line");
  parser
      .add_option("--html", options.html_file,
                  "with -r: writes a page for a browser (mode 0600):\nthe calls on a time axis")
      ->type_name("FILE");
  parser.add_flag("--top", options.top, "rates, fills, sleepers and failed calls, each second");
  parser.add_flag("--sysdig", options.sysdig, "leaves out lines that sysdig does not have");
  parser.add_option("-n", options.max_events, "ends after that many events")
      ->check([](const std::string& text) { return objection_to_count(1, text); })
      ->type_name("COUNT")
      ->default_str("");
  parser.add_option("-s", options.data_length, "shows that much of the data; 0: all of it")
      ->check([](const std::string& text) { return objection_to_count(0, text); })
      ->type_name("COUNT")
      ->default_str("80");
  parser
      .add_option("-t", options.time,
                  "the time: h of day, a since 1970, r since the\nfirst event, d of the call, D since the "
                  "event\nbefore")
      ->check(CLI::IsMember({"h", "a", "r", "d", "D"}))
      ->type_name("LETTER")
      ->default_str("h");
  parser.add_flag("-A", options.ascii, "data as text, in lines of its own");
  parser.add_flag("-x", options.hex, "data in hexadecimal");
  parser.add_flag("-X", options.hex_ascii, "data in hexadecimal and as text");
  parser.add_flag("-b", options.base64, "data in base64");
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat a{};
  struct stat b{};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && S_ISREG(a.st_mode) &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// What is written must not overwrite what is read.
void refuse_output(const TraceOptions& options, const std::string& output_file) {
  if (options.html_file == "-") throw CLI::ValidationError("--html", "needs the name of a file");
  for (const auto& [name, file] :
       {std::pair("--html", options.html_file), std::pair("--output", output_file)})
    if (!file.empty() && is_same_file(file, options.read_file))
      throw CLI::ValidationError(name,
                                 fmt::format("{} is the capture itself. Name another file", in_quotes(file)));
}

// -p means processes, or a format.
void sort_out_print_option(TraceOptions& options, LiveOptions& live) {
  if (options.format.contains('%')) {
    const bool shows_lines = options.explain.empty() && options.html_file.empty() && !options.top &&
                             !options.follow_bytes && !options.summary;
    if (!shows_lines && options.format != kDefaultFormat)
      throw CLI::ValidationError("-p", "is the format of lines, which this view does not have");
    return;
  }
  if (!is_list_of_pids(options.format))
    throw CLI::ValidationError("-p", fmt::format("takes process ids, as 12,345, or a format with fields, as "
                                                 "%evt.num. This is neither: {}",
                                                 options.format));
  live.selection.pids = pids_in(options.format);
  options.format = kDefaultFormat;
}

// Of a capture, -p shows these processes alone.
void select_processes(const std::vector<pid_t>& pids, std::vector<std::string>& filter) {
  if (pids.empty()) return;
  const std::string words = words_of(filter);
  filter = {fmt::format("proc.pid in ({})", fmt::join(pids, ", "))};
  if (!words.empty()) filter.push_back(fmt::format("and ({})", words));
}

int show_capture(const LiveOptions& live, const TraceOptions& options, std::FILE* err) {
  if (!options.html_file.empty()) return page_command(options, words_of(options.filter), err);
  const Result<UniqueFd> output = open_trace_output(live);
  if (!output) return report_to(err, output.error());
  return trace_command(options, output->get(), err);
}

}  // namespace

Command add_trace_command(CLI::App& program, std::optional<std::vector<std::string>> traced) {
  CLI::App* const parser = program.add_subcommand(
      "trace", "show system calls, live or from a capture, and what\nis behind each descriptor");
  const auto options = std::make_shared<TraceOptions>();
  const auto live = std::make_shared<LiveOptions>();
  const auto list = std::make_shared<bool>(false);
  parser
      ->add_option("-r,--read", options->read_file,
                   "the capture to show, which may be compressed;\n- is standard input")
      ->type_name("FILE");
  add_live_options(*parser, *live);
  add_view_options(*parser, *options);
  parser->add_flag("--list", *list, "lists the fields of filters and formats");
  parser->footer(
      "Without -r it records: a FIFO (--fifo), a unit of systemd (--unit), processes\n"
      "(-p 12,345), the command after --, or the whole machine. With -r it shows what\n"
      "slurper or sysdig has recorded; the exit status is 65 if that is damaged, and\n"
      "what can be read is shown all the same.");
  const bool has_command = traced.has_value();
  live->selection.command = std::move(traced).value_or(std::vector<std::string>());
  parser->callback([parser, options, live, has_command] {
    refuse_contradictions(*parser);
    if (has_command && live->selection.command.empty())
      throw CLI::ValidationError("--", "needs a command after it");
    if (!options->explain.empty() && !options->filter.empty())
      throw CLI::ValidationError("--explain", "looks at all events, and takes no filter");
    const bool to_output = live->selection.write_to == "-";
    if (to_output && has_command)
      throw CLI::ValidationError("-w", "- is standard output, which the command has. Name a file");
    const bool is_plain =
        !live->selection.compress && live->until.empty() && live->rotate == 0 && options->filter.empty();
    if (to_output && !is_plain)
      throw CLI::ValidationError("-w",
                                 "- is standard output: a filter, -z, --until and --rotate need a file");
    refuse_output(*options, live->output_file);
    if (has_command && !options->read_file.empty())
      throw CLI::ValidationError("-r", "shows a capture and runs no command");
    live->selection.shows_progress = !live->selection.write_to.empty() && !has_command;
    sort_out_print_option(*options, *live);
    if (!options->explain.empty() && !options->read_file.empty() && !live->selection.pids.empty())
      throw CLI::ValidationError("--explain", "looks at all processes of a capture");
    if (!options->read_file.empty()) select_processes(live->selection.pids, options->filter);
  });
  return {parser, [options, live, list] {
            if (*list) return list_trace_fields(stdout);
            if (options->top) return top_command(*live, *options, stderr);
            return options->read_file.empty() ? live_command(*live, *options, stderr)
                                              : show_capture(*live, *options, stderr);
          }};
}

}  // namespace slurper
