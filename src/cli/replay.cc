#include "cli/replay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "cli/options.h"
#include "control/alerts.h"
#include "daemon/run_daemon.h"
#include "log/segment_name.h"
#include "service/messages.h"
#include "service/phrase_table.h"
#include "sink/registry.h"
#include "sink/replay.h"

namespace slurper {

namespace {

constexpr std::size_t kMostNumbers = 10;

Result<ConfiguredSink> find_sink(const Settings& settings, const std::string& name) {
  const auto found = std::ranges::find(settings.sinks, name, &SinkSettings::name);
  if (found != settings.sinks.end()) {
    auto prepared = prepare_sinks(std::span(&*found, 1));
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    return std::move(prepared->front());
  }
  std::vector<std::string> names;
  for (const SinkSettings& sink : settings.sinks) names.push_back(sink.name);
  Phrase advice;
  if (!names.empty())
    advice = {PhraseId::SinksAre, {{"sinks", printable(fmt::format("{}", fmt::join(names, ", ")))}}};
  return fail(ErrorKind::Usage, {PhraseId::ReplayDeadLetters, {{"sink", QuotedText{name}}}},
              PhraseId::NoSinkOfThisName, std::move(advice));
}

void print_report(const ReplayReport& report, const std::string& dead_letters, std::FILE* out) {
  fmt::print(out, "{} delivered, {} refused again\n", counted(report.delivered, "line"),
             counted(report.refused, "line"));
  if (!report.foreign.empty()) {
    const std::span<const std::uint64_t> shown(report.foreign.data(),
                                               std::min(report.foreign.size(), kMostNumbers));
    fmt::print(out, "{} not understood, and kept: {}{}\n", counted(report.foreign.size(), "line"),
               fmt::join(shown, ", "), shown.size() < report.foreign.size() ? ", …" : "");
  }
  if (report.is_torn) {
    fmt::print(out,
               "the last dead letter was cut short, by a kill or a full disk, and was left out: slurper "
               "delivers its line from the log\n");
  }
  if (!report.in_the_way.empty()) {
    fmt::print(out,
               "skipped {}: it is {}, not a file of dead letters. Move it away: slurper cannot keep what is "
               "refused while it is there\n",
               in_quotes(dead_letters), report.in_the_way);
  } else if (std::filesystem::exists(dead_letters))
    fmt::print(out, "dead letters remain in {}\n", in_quotes(dead_letters));
}

// What root would create here, a slurper that runs as another user could not write any more.
Status become_owner_of(const std::string& log) {
  struct stat file{};
  if (::geteuid() != 0 || ::stat(LogPaths(log).index().c_str(), &file) != 0 || file.st_uid == 0) return {};
  const passwd* const user = ::getpwuid(file.st_uid);
  const gid_t group = user != nullptr ? user->pw_gid : file.st_gid;
  const int groups = user != nullptr ? ::initgroups(user->pw_name, group) : ::setgroups(0, nullptr);
  if (groups != 0 || ::setresgid(group, group, group) != 0 ||
      ::setresuid(file.st_uid, file.st_uid, file.st_uid) != 0)
    return fail_errno(errno, about_file(PhraseId::UseFile, log));
  return {};
}

bool wait_for_signal(std::chrono::milliseconds time) {
  sigset_t ends;
  ::sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&ends, signal);
  const timespec limit{.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
  return ::sigtimedwait(&ends, nullptr, &limit) > 0;
}

}  // namespace

int replay_command(const Settings& settings, const std::string& sink,
                   const std::function<bool(std::chrono::milliseconds)>& wait, std::FILE* out,
                   std::FILE* err) {
  const auto failed = [&](const Error& error) {
    fmt::print(err, "{}", message_for(::fileno(err), to_text(error)));
    return std::to_underlying(error.kind);
  };
  Result<ConfiguredSink> found = find_sink(settings, sink);
  if (!found) return failed(found.error());
  if (Status become = become_owner_of(settings.log.path); !become) return failed(become.error());
  Alerts alerts([] {});
  Messages messages(alerts, [err](MessageLevel level, std::string_view text) {
    if (level > MessageLevel::Debug) fmt::print(err, "{}", message_for(::fileno(err), text));
  });
  Replay replay({.os = kernel(),
                 .log = settings.log,
                 .sink = std::move(found->prepared),
                 .events = messages,
                 .render = [](const Phrase& phrase) { return to_text(phrase); },
                 .wait = wait});
  const Result<ReplayReport> report = replay.run();
  if (!report) return failed(report.error());
  const std::string dead_letters = LogPaths(settings.log.path).dead_letters(sink);
  print_report(*report, dead_letters, out);
  // After an interruption, those that came later are the next replay's.
  const bool is_done =
      report->refused == 0 && report->foreign.empty() && !std::filesystem::exists(dead_letters);
  return is_done ? 0 : std::to_underlying(ErrorKind::Data);
}

Command add_replay_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("replay", "deliver a sink's dead letters once more");
  const auto options = add_config_options(*parser);
  const auto sink = std::make_shared<std::string>();
  parser->add_option("SINK", *sink, "the sink's name")->required();
  parser->footer(
      "Takes the options that slurper is run with, and delivers to the sink SINK the\n"
      "lines that its destination has refused. What it refuses again is a dead letter\n"
      "again. slurper may be running. If it fails or is interrupted, no line is lost:\n"
      "repeat it, and it continues.\n\n" +
      parser->get_footer());
  return {parser, [options, sink] {
            hold_signals();
            const Result<Settings> settings = options->load();
            if (!settings) return report(settings.error());
            return replay_command(*settings, *sink, &wait_for_signal, stdout, stderr);
          }};
}

}  // namespace slurper
