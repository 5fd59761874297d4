#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/settings_keys.h"
#include "base/text.h"
#include "cli/checks.h"
#include "cli/command.h"
#include "cli/finding.h"
#include "cli/options.h"
#include "cli/unit.h"
#include "cli/who.h"
#include "config/config.h"
#include "service/phrase_table.h"
#include "sink/registry.h"

namespace slurper {

namespace {

// Calls check_as_this_process() in a process of its own that has become what `unit` says. Its findings
// return through a pipe, one a line: level, kind, text.
Findings check_as(const Unit& unit, const Settings& settings, const std::optional<std::string>& file) {
  const auto failed = [&](Phrase why) {
    return Findings{{.level = Finding::Level::Warning,
                     .phrase = {PhraseId::NotCheckedAsUnit,
                                {{"unit", printable(unit.name)}, {"reason", std::move(why)}}}}};
  };
  const auto failed_with = [&](int errnum) { return failed({PhraseId::Errno, {{"errno", Errno{errnum}}}}); };
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed_with(errno);
  const UniqueFd read_fd(ends[0]);
  UniqueFd write_fd(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return failed_with(errno);
  if (child == 0) {
    std::string text;
    const Phrase refused = become(unit);
    for (const Finding& finding : refused.empty() ? check_as_this_process(settings, file) : failed(refused))
      text += fmt::format("{} {} {}\n", static_cast<int>(finding.level), static_cast<int>(finding.kind),
                          with_advice(finding.phrase));
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t count = ::write(write_fd.get(), rest.data(), rest.size());
      if (count <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    ::_exit(0);
  }
  write_fd.reset();
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(read_fd.get(), buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  (void)::waitpid(child, nullptr, 0);
  Findings findings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    int level = 0;
    int kind = 0;
    in >> level >> kind;
    in.ignore(1);
    Finding finding{
        .level = static_cast<Finding::Level>(level), .phrase = {}, .kind = static_cast<ErrorKind>(kind)};
    std::string words;
    std::getline(in, words);
    finding.phrase = {PhraseId::Text, {{"text", std::move(words)}}};
    findings.push_back(std::move(finding));
  }
  return findings.empty()
             ? failed({PhraseId::CheckEndedEarly, {{"process", static_cast<std::uint64_t>(child)}}})
             : findings;
}

// What each file of the configuration sets, and what overrides what.
Findings list_origins(const Settings& settings, const Origins& origins) {
  Findings all;
  auto sink = settings.sinks.begin();
  for (const Origins::File& file : origins.files) {
    std::vector<std::string> keys;
    for (const Origins::Value& value : file.values) keys.push_back(value.key->full_name());
    std::vector<std::string> sinks;
    for (std::size_t i = 0; i < file.sinks; ++i, ++sink) sinks.push_back(in_quotes(sink->name));
    std::vector<Phrase> effects;
    if (!keys.empty()) {
      effects.emplace_back(
          PhraseId::SetsSettings,
          std::initializer_list<PhraseArgument>{{"settings", fmt::format("{}", fmt::join(keys, ", "))}});
    }
    if (!sinks.empty()) {
      effects.emplace_back(
          sinks.size() == 1 ? PhraseId::AddsSink : PhraseId::AddsSinks,
          std::initializer_list<PhraseArgument>{{"sinks", fmt::format("{}", fmt::join(sinks, ", "))}});
    }
    if (effects.empty()) effects.emplace_back(PhraseId::SetsNothing);
    all.push_back({.phrase = {PhraseId::ConfigurationRead,
                              {{"file", QuotedText{file.name}}, {"effects", std::move(effects)}}}});
  }
  for (const Key& key : keys()) {
    const std::vector<std::string> places = origins.places_of(key);
    for (std::size_t i = 1; i < places.size(); ++i) {
      all.push_back({.phrase = {PhraseId::SettingOverridden,
                                {{"by", QuotedText{places[i]}},
                                 {"setting", key.full_name()},
                                 {"place", QuotedText{places[i - 1]}}}}});
    }
  }
  return all;
}

Findings check_everything(const Settings& settings, const std::optional<std::string>& file,
                          const std::optional<Unit>& unit) {
  Findings all;
  const bool as_unit = unit && ::geteuid() == 0;
  if (as_unit) {
    all.push_back({.phrase = {PhraseId::CheckedAsUnit,
                              {{"unit", printable(unit->name)},
                               {"user", unit->user.empty() ? "root" : printable(unit->user)}}}});
    add(all, check_as(*unit, settings, file));
  } else {
    all.push_back({.phrase = {PhraseId::CheckedAsUser, {{"user", who_runs()}}}});
    if (unit) {
      all.push_back({.phrase = {PhraseId::UnitRunsAsOther,
                                {{"unit", printable(unit->name)},
                                 {"user", unit->user.empty() ? "root" : printable(unit->user)}}}});
    }
    add(all, check_as_this_process(settings, file));
  }
  if (unit) add(all, check_unit(settings, *unit));
  add(all, check_surroundings("", settings));
  return all;
}

int print_drop_in(const Settings& settings, const std::optional<Unit>& found) {
  const Unit unit = found.value_or(shipped_unit());
  const std::string text = drop_in_for(settings, unit);
  if (text.empty()) {
    fmt::print("# {} needs no drop-in for this configuration.\n", printable(unit.name));
  } else {
    fmt::print(
        "# /etc/systemd/system/{}.d/slurper-check.conf, for this configuration; then:\n"
        "# systemctl daemon-reload && systemctl restart {}\n{}",
        unit.name, unit.name, text);
  }
  return std::fflush(stdout) != 0 ? static_cast<int>(ErrorKind::Io) : 0;
}

struct Wanted {
  bool quiet = false;
  bool drop_in = false;
};

// The settings go to standard output, so that `slurper check > slurper.toml` makes a file of them.
int check(const ConfigOptions& options, const Wanted& wanted) {
  Origins origins;
  const Result<Settings> settings = options.load(&origins);
  if (!settings) return report(settings.error());
  // This answers what a reload asks: would slurper accept the settings? Like the reload, it loads no
  // plug-in.
  if (wanted.quiet) {
    const auto good = prepare_reload(settings->sinks);
    return good ? 0 : report(good.error());
  }
  const auto sinks = prepare_sinks(settings->sinks);
  if (!sinks) return report(sinks.error());

  const std::optional<std::string> file = options.used_file();
  const std::optional<Unit> unit = file ? find_unit("", *file) : std::nullopt;
  if (wanted.drop_in) return print_drop_in(*settings, unit);

  Findings findings = list_origins(*settings, origins);
  add(findings, check_everything(*settings, file, unit));
  for (const ConfiguredSink& sink : *sinks) {
    for (const auto& warning : sink.prepared.warnings)
      findings.push_back({.level = Finding::Level::Warning, .phrase = warning});
  }
  for (const Finding& finding : findings) fmt::print(stderr, "{}", to_lines(finding));
  fmt::print(stderr, "\n");
  fmt::print("{}", to_toml(*settings, Comments::None, origins));

  const auto error = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& f) { return f.level == Finding::Level::Error; });
  if (std::fflush(stdout) != 0) return static_cast<int>(ErrorKind::Io);
  return error == findings.end() ? 0 : static_cast<int>(error->kind);
}

}  // namespace

Command add_check_command(CLI::App& program) {
  CLI::App* const parser =
      program.add_subcommand("check", "check the settings and this machine; change nothing");
  const auto options = add_config_options(*parser);
  const auto wanted = std::make_shared<Wanted>();
  parser->add_flag("--quiet", wanted->quiet, "check only whether the settings are valid");
  parser->add_flag("--drop-in", wanted->drop_in, "print the systemd drop-in that the settings need");
  parser->footer(parser->get_footer() +
                 "\n\nEach finding goes to standard error with its level: ok, warning or error. The\n"
                 "settings in effect go to standard output as TOML, each with its place in the\n"
                 "configuration as a comment. The exit status is 0 unless there is an error. If\n"
                 "root runs it and an installed unit uses FILE, it checks with the user and the\n"
                 "sandbox of that unit; otherwise with the current user.");
  return {parser, [options, wanted] { return check(*options, *wanted); }};
}

}  // namespace slurper
