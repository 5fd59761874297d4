#include "cli/control.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/wrap.h"
#include "cli/asked.h"
#include "cli/command.h"
#include "record/moment.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

// Longer than slurper itself waits for its log and its sinks.
constexpr std::chrono::seconds kPatience{20};

constexpr int kRefused = 1;

struct Words {
  std::string instance;
  std::string verb;
  std::string name;  // of a sink, or a level
  std::string place;
};

constexpr std::array<std::pair<std::string_view, ControlVerb>, 6> kVerbs = {{
    {"rotate", ControlVerb::Rotate},
    {"reload", ControlVerb::Reload},
    {"pause", ControlVerb::Pause},
    {"resume", ControlVerb::Resume},
    {"rewind", ControlVerb::Rewind},
    {"level", ControlVerb::SetLevel},
}};

std::optional<RewindTo> place_of(const std::string& text) {
  using enum RewindTo::Kind;
  if (text == "beginning") return RewindTo{.kind = Beginning};
  if (text == "end") return RewindTo{.kind = End};
  RewindTo to{.kind = Offset};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, to.offset.value);
  if (error == std::errc() && rest == end) return to;
  const auto time = parse_moment(text, std::chrono::system_clock::now(), Bound::Begin);
  return time ? std::optional(RewindTo{.kind = Time, .time = *time}) : std::nullopt;
}

ControlRequest request_of(const Words& words) {
  const auto* const verb =
      std::ranges::find(kVerbs, words.verb, &std::pair<std::string_view, ControlVerb>::first);
  ControlRequest request{.verb = verb->second};
  const bool has_sink = request.verb == ControlVerb::Pause || request.verb == ControlVerb::Resume ||
                        request.verb == ControlVerb::Rewind;
  const bool has_name = has_sink || request.verb == ControlVerb::SetLevel;
  if (has_name == words.name.empty())
    throw CLI::ValidationError(words.verb, has_sink   ? "needs the name of a sink"
                                           : has_name ? "needs a level: debug, info, warning or error"
                                                      : "takes no name");
  if ((request.verb == ControlVerb::Rewind) == words.place.empty())
    throw CLI::ValidationError("--to", words.place.empty() ? "rewind needs it" : "only rewind has it");
  if (has_sink) request.sink = words.name;
  if (request.verb == ControlVerb::SetLevel) {
    const Level* const level = find_level(words.name);
    if (level == nullptr)
      throw CLI::ValidationError("level",
                                 fmt::format("{} is none: name debug, info, warning or error", words.name));
    request.level = *level;
  }
  if (request.verb == ControlVerb::Rewind) {
    const auto to = place_of(words.place);
    if (!to)
      throw CLI::ValidationError(
          "--to",
          fmt::format("{} is no place. Write beginning, end, an offset such as 123456, or a time such "
                      "as 10m (ago), 10:15 or \"2026-11-30 10:15:00\"",
                      words.place));
    request.to = *to;
  }
  return request;
}

}  // namespace

int control_command(const std::string& instance, const ControlRequest& request, std::FILE* out,
                    std::FILE* err) {
  const auto fails = [&](const std::string& text, int status) {
    fmt::print(err, "{}", message_for(::fileno(err), text));
    return status;
  };
  const Result<std::string> socket = find_one_socket(instance);
  if (!socket) return fails(to_text(socket.error()), exit_status_of(socket.error()));
  const Result<Carried> carried = ask_to(*socket, request, kPatience);
  if (!carried) return fails(to_text(carried.error()), exit_status_of(carried.error()));
  if (carried->is_denied) return fails(carried->text, std::to_underlying(ErrorKind::NoPermission));
  if (!carried->is_done) return fails(carried->text, kRefused);
  fmt::print(out, "{}\n", carried->text);
  return std::fflush(out) == 0 ? 0 : std::to_underlying(ErrorKind::Io);
}

Command add_control_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("control", "have a slurper that runs do something");
  const auto words = std::make_shared<Words>();
  const auto request = std::make_shared<ControlRequest>();
  parser
      ->add_option("VERB", words->verb,
                   "rotate, reload, pause SINK, resume SINK, rewind SINK\n--to PLACE, or level LEVEL")
      ->required()
      ->check(CLI::IsMember({"rotate", "reload", "pause", "resume", "rewind", "level"}).description(""))
      ->type_name("");
  parser->add_option("NAME", words->name, "of the sink, or the level of messages")->type_name("");
  parser
      ->add_option("--to", words->place,
                   "where the sink resumes: beginning (the oldest line in\nthe log), end, an offset, or a "
                   "time such as 10m (ago)")
      ->type_name("PLACE");
  parser->add_option("--control", words->instance, "its FIFO, its log, or its control socket, if several run")
      ->type_name("INSTANCE");
  parser->footer(
      "Prints the outcome in one line. The exit status is 0 if it is done, 1 if slurper\n"
      "refuses it or does not answer, and 3 if none runs. Root and the user that slurper\n"
      "runs as may use it.");
  // A wrong value is an error of the command line.
  parser->callback([words, request] { *request = request_of(*words); });
  return {parser, [words, request] { return control_command(words->instance, *request, stdout, stderr); }};
}

}  // namespace slurper
