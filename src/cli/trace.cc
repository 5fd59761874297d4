#include "cli/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/trace_live_command.h"
#include "cli/trace_print.h"
#include "cli/wrap.h"
#include "service/phrase_table.h"

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

Result<std::optional<TraceFilter>> compile(const std::string& text, std::FILE* err) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
  auto filter = TraceFilter::compile(text, trace_fields(), Dialect::Events);
  if (!filter)
    return fail(ErrorKind::Usage, {PhraseId::AcceptTraceFilter, {{"filter", QuotedText{shortened(text)}}}},
                filter.error().finding(), filter.error().advice);
  if (const auto& warning = filter->warning())
    fmt::print(err, "slurper: the filter {}\n",
               to_text(Phrase(PhraseId::FilterIsDoubtful,
                              {{"finding", warning->finding()}, {"advice", warning->advice}})));
  return std::optional(std::move(*filter));
}

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
  if (options.summary) return ViewMode::Summary;
  if (options.calls) return ViewMode::Calls;
  return options.json ? ViewMode::Json : ViewMode::Lines;
}

}  // namespace

Result<ViewRequest> view_request(const TraceOptions& options, std::FILE* err) {
  Result<LineFormat> format = LineFormat::parse(options.format);
  if (!format) return std::unexpected(format.error());
  auto filter = compile(words_of(options.filter), err);
  if (!filter) return std::unexpected(filter.error());
  return ViewRequest{.mode = mode_of(options),
                     .options = {.time = time_style(options.time),
                                 .data = data_style(options),
                                 .max_data = options.data_length},
                     .format = std::move(*format),
                     .filter = std::move(*filter),
                     .max_events = options.max_events,
                     .with_own_events = !options.sysdig};
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
  if (!request) {
    fmt::print(err, "slurper: {}\n", to_text(request.error()));
    return std::to_underlying(request.error().kind);
  }
  Result<CaptureInput> input = CaptureInput::open(options.read_file);
  if (!input) {
    fmt::print(err, "slurper: {}\n", to_text(input.error()));
    return std::to_underlying(input.error().kind);
  }
  return print_capture(std::move(*input), options.read_file, std::move(*request), out_fd, err);
}

Command add_trace_command(CLI::App& program, std::vector<std::string> traced) {
  CLI::App* const parser = program.add_subcommand(
      "trace", "show the system calls of a capture, and what is\nbehind each descriptor");
  const auto options = std::make_shared<TraceOptions>();
  const auto live = std::make_shared<LiveOptions>();
  live->selection.command = std::move(traced);
  const auto list = std::make_shared<bool>(false);
  parser
      ->add_option("-r,--read", options->read_file,
                   "the capture, which may be compressed; - is\nstandard input")
      ->type_name("FILE");
  add_live_options(*parser, *live);
  parser->add_option("FILTER", options->filter, "shows only matching events; see --list");
  parser
      ->add_option(
          "-p,--print", options->format,
          "the line's format, as \"%evt.num %proc.name\";\nwith * in front, <NA> is what an event lacks")
      ->type_name("FORMAT")
      ->default_str("");
  parser->add_flag("--calls", options->calls, "a call in one line, with its duration");
  parser->add_flag("-S,--summary", options->summary, "totals, the slowest and the failed calls");
  parser->add_flag("-j,--json", options->json, "one JSON object a line");
  parser->add_flag("--sysdig", options->sysdig, "leaves out lines that sysdig does not have");
  parser->add_option("-n", options->max_events, "ends after that many events")
      ->type_name("COUNT")
      ->default_str("");
  parser->add_option("-s", options->data_length, "shows that much of the data; 0: all of it")
      ->type_name("COUNT")
      ->default_str("80");
  parser
      ->add_option("-t", options->time,
                   "the time: h of day, a since 1970, r since the\nfirst event, d of the call, D since the "
                   "event\nbefore")
      ->check(CLI::IsMember({"h", "a", "r", "d", "D"}))
      ->type_name("LETTER")
      ->default_str("h");
  parser->add_flag("-A", options->ascii, "data as text, in lines of its own");
  parser->add_flag("-x", options->hex, "data in hexadecimal");
  parser->add_flag("-X", options->hex_ascii, "data in hexadecimal and as text");
  parser->add_flag("-b", options->base64, "data in base64");
  parser->add_flag("--list", *list, "lists the fields of filters and formats");
  parser->footer(
      "Reads what slurper and sysdig have recorded. The exit status is 65 if the\n"
      "capture is damaged: what can be read is shown all the same.");
  parser->callback([options, live] {
    // -p means processes, or a format.
    if (!is_list_of_pids(options->format)) return;
    live->selection.pids = pids_in(options->format);
    options->format = kDefaultFormat;
  });
  return {parser, [options, live, list] {
            if (*list) return list_trace_fields(stdout);
            if (options->read_file.empty()) return live_command(*live, *options, stderr);
            return trace_command(*options, STDOUT_FILENO, stderr);
          }};
}

}  // namespace slurper
