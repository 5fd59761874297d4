#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "cli/tail.h"
#include "record/moment.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

constexpr std::uint64_t kUsualLines = 10;

struct TailOptions {
  std::string log;
  std::vector<std::string> filter;  // its words
  std::string lines;
  std::string since;
  std::string until;
  std::string offset;
  std::string by = "arrival";
  std::string format = "raw";
  bool follows = true;
};

// CLI11 takes "-3" and what is too large for a number.
std::string objection_to_number(const std::string& text) {
  constexpr std::size_t kMostDigits = 18;
  const bool is_number = !text.empty() && text.size() <= kMostDigits &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? "" : fmt::format("{} is no whole number", text);
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return std::stoull(text);
}

std::optional<Timestamp> moment_of(const std::string& option, const std::string& text, Timestamp now,
                                   Bound bound) {
  if (text.empty()) return std::nullopt;
  const auto moment = parse_moment(text, now, bound);
  if (!moment)
    throw CLI::ValidationError(
        option, fmt::format("{} is no time. Write it as 10m (ago), 10:15, \"2026-11-30 10:15:00\", today or "
                            "@1764504000",
                            text));
  return moment;
}

Result<std::optional<RecordFilter>> compile_filter(const std::vector<std::string>& words) {
  const std::string text = fmt::format("{}", fmt::join(words, " "));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
  auto filter = RecordFilter::compile(text, record_fields());
  if (!filter)
    return fail(ErrorKind::Usage, {PhraseId::AcceptTraceFilter, {{"filter", QuotedText{shortened(text)}}}},
                filter.error().finding(), filter.error().advice);
  if (const auto& warning = filter->warning())
    fmt::print(stderr, "{}",
               message_for(STDERR_FILENO, "the filter " + to_text(Phrase(PhraseId::FilterIsDoubtful,
                                                                         {{"finding", warning->finding()},
                                                                          {"advice", warning->advice}}))));
  return std::optional(std::move(*filter));
}

Result<Format> parse_format(const std::string& text) {
  auto format = Format::parse(text);
  if (format) return std::move(*format);
  return fail(ErrorKind::Usage, {PhraseId::AcceptTraceFormat, {{"format", QuotedText{text}}}},
              std::move(format.error()));
}

// Everything but the filter and the format, whose errors are phrases.
TailRequest request_of(const TailOptions& options) {
  const Timestamp now = std::chrono::system_clock::now();
  TailRequest request;
  request.log_path = options.log;
  request.times = {.since = moment_of("--since", options.since, now, Bound::Begin),
                   .until = moment_of("--until", options.until, now, Bound::End),
                   .by_line = options.by == "line"};
  if (request.times.since && request.times.until && *request.times.since > *request.times.until)
    throw CLI::ValidationError("--until", "is before --since");
  if (const auto offset = number_of(options.offset)) request.from = StreamOffset{*offset};
  const bool has_beginning = request.times.since || request.from;
  request.lines = number_of(options.lines);
  if (!request.lines && !has_beginning) request.lines = kUsualLines;
  request.follows = options.follows;
  return request;
}

}  // namespace

Command add_tail_command(CLI::App& program) {
  CLI::App* const parser =
      program.add_subcommand("tail", "show the last lines of a log, or those of a time, and\nfollow it");
  const auto options = std::make_shared<TailOptions>();
  const auto request = std::make_shared<TailRequest>();
  parser->add_option("LOG", options->log, "the log's active segment")->required();
  parser->add_option("FILTER", options->filter, "shows only matching lines, as the filters of sinks");
  parser
      ->add_option("-n,--lines", options->lines,
                   "the last COUNT lines; without it all, if there is\n"
                   "--since or --offset, or else 10")
      ->check(objection_to_number)
      ->type_name("COUNT");
  parser->add_flag("-f,--follow,!--no-follow", options->follows,
                   "waits for more lines, as it does unless there is\n--no-follow, or until --until");
  parser
      ->add_option("--since", options->since,
                   "from this time on: 10m or 1h30m (ago), 10:15,\n\"2026-11-30 10:15:00\", yesterday, "
                   "@1764504000")
      ->type_name("TIME");
  parser->add_option("--until", options->until, "up to this time")->type_name("TIME");
  parser->add_option("--offset", options->offset, "from the line on that has this byte of the stream")
      ->check(objection_to_number)
      ->type_name("OFFSET");
  parser
      ->add_option("--by", options->by,
                   "the times are those of arrival, or those in the\nlines, for which all of the log is read")
      ->check(CLI::IsMember({"arrival", "line"}))
      ->type_name("BY")
      ->default_str("arrival");
  parser->add_option("--format", options->format, "how a line is written, as in the sinks: raw, json, …")
      ->type_name("FORMAT")
      ->default_str("raw");
  parser->footer(
      "Reads rotated and compressed segments, too, while slurper writes the log or not.\n"
      "What cannot be shown is reported on standard error; if that is because of\n"
      "damage, the exit status is 65.");
  // All options are there then; a wrong value is an error of the command line.
  parser->callback([options, request] { *request = request_of(*options); });
  return {parser, [options, request] {
            auto filter = compile_filter(options->filter);
            if (!filter) return report(filter.error());
            request->filter = std::move(*filter);
            auto format = parse_format(options->format);
            if (!format) return report(format.error());
            request->format = std::move(*format);
            return tail_command(*request, STDOUT_FILENO, stderr);
          }};
}

}  // namespace slurper
