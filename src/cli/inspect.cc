// slurper inspect: lsof for one pipe, and what is wrong with it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "cli/inspect.h"
#include "cli/inspect_findings.h"
#include "cli/inspect_json.h"
#include "cli/inspect_watch.h"
#include "cli/syslogd.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

// The number that `text` consists of; empty if it is too large, or anything else.
std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end && number >= 0 ? std::optional(number) : std::nullopt;
}

// The syslogds' own warnings about this FIFO follow what the pipe itself shows.
Findings find_faults(const PipeFacts& facts) {
  if (facts.path.empty()) return judge_pipe(facts, NamedBySyslogd::Unknown);
  Findings syslogds = check_syslogds("", facts.path);
  const bool is_named = names_the_fifo(syslogds);
  Findings findings = judge_pipe(facts, is_named ? NamedBySyslogd::Yes : NamedBySyslogd::No);
  if (!is_named) return findings;
  std::erase_if(syslogds, [](const Finding& one) { return one.level == Finding::Level::Ok; });
  add(findings, std::move(syslogds));
  return findings;
}

}  // namespace

PipeTarget pipe_target(const std::string& text) {
  const std::string_view view = text;
  const std::size_t colon = std::min(view.find(':'), view.size());
  const auto pid = number_in(view.substr(0, colon));
  const auto fd = number_in(view.substr(std::min(colon + 1, view.size())));
  if (!pid || !fd) return {.path = text};
  return {.path = {}, .pid = *pid, .fd = *fd};
}

Result<InspectedPipe> inspect_pipe(const std::string& target) {
  Result<PipeFacts> facts = look_at_pipe(pipe_target(target));
  if (!facts) return std::unexpected(std::move(facts.error()));
  InspectedPipe pipe{.facts = *std::move(facts), .findings = {}};
  pipe.findings = find_faults(pipe.facts);
  return pipe;
}

std::vector<InspectedPipe> inspect_fifos() {
  std::vector<InspectedPipe> pipes;
  for (PipeFacts& facts : look_at_fifos()) {
    Findings findings = find_faults(facts);
    pipes.push_back({.facts = std::move(facts), .findings = std::move(findings)});
  }
  return pipes;
}

int inspect_status(const InspectedPipe& pipe) {
  if (!pipe.facts.complete()) return std::to_underlying(ErrorKind::NoPermission);
  return pipe.findings.front().level == Finding::Level::Ok ? 0 : 1;
}

int inspect_command(const InspectOptions& options, std::FILE* out, std::FILE* err) {
  const auto fail_with = [err](const Error& error) {
    fmt::print(err, "{}", message_for(::fileno(err), to_text(error)));
    return std::to_underlying(error.kind);
  };
  if (options.watch) {
    const Status done = watch_pipes(options.target, ::fileno(out));
    return done ? 0 : fail_with(done.error());
  }
  std::vector<InspectedPipe> pipes;
  if (options.target) {
    Result<InspectedPipe> pipe = inspect_pipe(*options.target);
    if (!pipe) return fail_with(pipe.error());
    pipes.push_back(*std::move(pipe));
  } else {
    pipes = inspect_fifos();
  }
  std::string text;
  if (options.json) {
    for (const InspectedPipe& pipe : pipes) text += pipe_json(pipe);
  } else {
    text = options.target ? pipe_text(pipes.front()) : fifos_text(pipes);
  }
  if (std::fwrite(text.data(), 1, text.size(), out) != text.size() || std::fflush(out) != 0)
    return fail_with(fail_errno(errno, PhraseId::WriteStandardOutput).error());
  int status = 0;
  for (const InspectedPipe& pipe : pipes) status = std::max(status, inspect_status(pipe));
  return status;
}

Command add_inspect_command(CLI::App& program) {
  CLI::App* const parser =
      program.add_subcommand("inspect", "show who has a pipe open, and what is wrong with it");
  const auto options = std::make_shared<InspectOptions>();
  parser
      ->add_option("PIPE", options->target,
                   "the path of a FIFO, or a process and its descriptor:\n4711:0. Without it, all FIFOs")
      ->type_name("");
  CLI::Option* const json = parser->add_flag("--json", options->json, "show it as JSON, a pipe on a line");
  parser->add_flag("--watch", options->watch, "show it again each second")->excludes(json);
  parser->footer(
      "Looks without touching: no byte moves, and no process notices. Exit status: 0 if\n"
      "nothing is wrong, 1 if something is, and 77 if some processes could not be\n"
      "looked at, so that the answer may be incomplete.");
  return {parser, [options] { return inspect_command(*options, stdout, stderr); }};
}

}  // namespace slurper
