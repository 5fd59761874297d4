#include "cli/cursor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "log/cursor_file.h"
#include "log/line_begin.h"
#include "log/log_extent.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

Phrase list_of_cursors(const LogPaths& paths) {
  const auto sinks = list_cursors(paths);
  if (!sinks || sinks->empty()) return PhraseId::LogHasNoCursors;
  return {PhraseId::CursorsAre, {{"sinks", printable(fmt::format("{}", fmt::join(*sinks, ", ")))}}};
}

std::unexpected<Error> bad_place(const std::string& to, Phrase why) {
  return fail(ErrorKind::Usage, {PhraseId::SetCursor, {{"place", QuotedText{to}}}}, std::move(why));
}

// Returns the offset that `to` means. A sink begins with a whole line: any other offset would skip a part of
// one, or deliver the rest of it as a line of its own.
Result<StreamOffset> parse_place(const std::string& to, const LogPaths& paths, const LogExtent& log) {
  if (to == "beginning") return log.begin;
  LogFeed feed;
  feed.publish(log.active, log.end);
  if (log.active.inode == 0) feed.leave();
  // Another process may change the log's files all the time, so there is a limit.
  const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto gives_up = [&] { return std::chrono::steady_clock::now() > give_up_at; };
  if (to == "end") return line_begin(kernel(), paths, feed, log.end, gives_up);
  StreamOffset offset;
  const auto [rest, error] = std::from_chars(to.data(), to.data() + to.size(), offset.value);
  if (to.empty() || error != std::errc() || rest != to.data() + to.size())
    return bad_place(to, PhraseId::NotACursorPlace);
  if (offset < log.begin || offset > log.end) {
    return bad_place(to, {PhraseId::CursorPlaceOutside, {{"from", log.begin.value}, {"to", log.end.value}}});
  }
  const Result<StreamOffset> line = line_begin(kernel(), paths, feed, offset, gives_up);
  if (line && *line != offset) return bad_place(to, {PhraseId::CursorPlaceInLine, {{"offset", line->value}}});
  return line;
}

Status set(const std::string& to, const LogPaths& paths, const std::string& sink, const LogExtent& log) {
  const Result<StreamOffset> place = parse_place(to, paths, log);
  if (!place) return std::unexpected(place.error());
  return set_cursor(kernel(), paths, sink, log.ids.id, *place);
}

Result<std::string> cursor_text(const LogPaths& paths, const std::string& sink,
                                const std::optional<std::string>& to) {
  if (!LogPaths::is_cursor_name(sink))
    return fail(ErrorKind::Usage, {PhraseId::FindCursor, {{"sink", QuotedText{sink}}}},
                PhraseId::NotACursorName, list_of_cursors(paths));
  const Result<LogExtent> log = read_extent(kernel(), paths);
  if (!log) return std::unexpected(log.error());
  if (to) {
    if (Status done = set(*to, paths, sink, *log); !done) {
      if (done.error().kind == ErrorKind::NoInput) done.error().advice = list_of_cursors(paths);
      return std::unexpected(std::move(done.error()));
    }
  }
  const Result<CursorReading> cursor = read_cursor(kernel(), paths, sink, log->ids);
  if (!cursor) {
    Error error = cursor.error();
    if (error.kind == ErrorKind::NoInput) error.advice = list_of_cursors(paths);
    return std::unexpected(std::move(error));
  }
  const std::optional<CursorRecord>& record = cursor->record;
  if (!record) return fmt::format("the sink '{}' has not begun", sink);
  const std::uint64_t behind = log->end.value - std::min(log->end.value, record->offset.value);
  return fmt::format("the sink '{}' {} at offset {}, {} bytes before the log's end", sink,
                     record->set_by_hand ? "will resume" : "is", record->offset.value, behind);
}

}  // namespace

int cursor_command(const std::string& log_path, const std::string& sink, const std::optional<std::string>& to,
                   std::FILE* out, std::FILE* err) {
  const Result<std::string> text =
      cursor_text(LogPaths(std::filesystem::absolute(log_path).lexically_normal().string()), sink, to);
  if (text) {
    fmt::print(out, "{}\n", *text);
    return 0;
  }
  fmt::print(err, "{}", message_for(::fileno(err), to_text(text.error())));
  return std::to_underlying(text.error().kind);
}

Command add_cursor_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("cursor", "show or set where a sink resumes in a log");
  const auto log_path = std::make_shared<std::string>();
  const auto sink = std::make_shared<std::string>();
  const auto to = std::make_shared<std::optional<std::string>>();
  parser->add_option("LOG", *log_path, "the log's active segment")->required();
  parser->add_option("SINK", *sink, "the sink's name")->required();
  parser
      ->add_option("--to", *to,
                   "set it: beginning (the oldest line in the log),\nend, or the offset of a line")
      ->type_name("PLACE");
  parser->footer(
      "The sink resumes there even if its destination reports another position. The\n"
      "sink must not be running. A sink that fails because of its cursor resumes by\n"
      "itself once the cursor is set.");
  return {parser, [log_path, sink, to] { return cursor_command(*log_path, *sink, *to, stdout, stderr); }};
}

}  // namespace slurper
