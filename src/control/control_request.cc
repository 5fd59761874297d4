#include "control/control_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "control/json.h"
#include "control/json_text.h"

namespace slurper {

namespace {

using std::chrono::milliseconds;

// In the order of ControlVerb.
constexpr std::array<std::string_view, 7> kVerbs = {"status", "rotate", "reload", "pause",
                                                    "resume", "rewind", "level"};

// In the order of Level.
constexpr std::array<std::pair<std::string_view, Level>, 4> kLevels = {
    {{"debug", Level::Debug}, {"info", Level::Info}, {"warning", Level::Warning}, {"error", Level::Error}}};

// What is later than this cannot be a time of the log, and has no room in a Timestamp.
constexpr std::uint64_t kLatest = 9'000'000'000'000;

std::optional<RewindTo> place_in(const Json& request) {
  const std::string* const to = string_in(request, "to");
  const auto offset = number_in(request, "offset");
  const auto time = number_in(request, "time");
  if ((to != nullptr ? 1 : 0) + (offset ? 1 : 0) + (time ? 1 : 0) != 1) return std::nullopt;
  using enum RewindTo::Kind;
  if (offset) return RewindTo{.kind = Offset, .offset = {*offset}};
  if (time && *time > kLatest) return std::nullopt;
  if (time)
    return RewindTo{.kind = Time, .time = Timestamp(milliseconds(static_cast<milliseconds::rep>(*time)))};
  if (*to == "beginning") return RewindTo{.kind = Beginning};
  return *to == "end" ? std::optional(RewindTo{.kind = End}) : std::nullopt;
}

bool names_a_sink(ControlVerb verb) {
  return verb == ControlVerb::Pause || verb == ControlVerb::Resume || verb == ControlVerb::Rewind;
}

}  // namespace

std::expected<ControlRequest, std::string> parse_request(std::string_view line) {
  const std::optional<Json> json = parse_json(line);
  if (!json || !json->is_object())
    return std::unexpected(R"(a request is one line of JSON, such as {"version":1,"verb":"status"})");
  if (number_in(*json, "version") != kControlVersion)
    return std::unexpected(fmt::format(R"(this slurper knows "version":{} only)", kControlVersion));
  const std::string* const verb = string_in(*json, "verb");
  const auto known = verb == nullptr ? kVerbs.end() : std::ranges::find(kVerbs, *verb);
  if (known == kVerbs.end())
    return std::unexpected(
        R"(this slurper knows the verbs "status", "rotate", "reload", "pause", "resume", "rewind", "level")");
  ControlRequest request{.verb = static_cast<ControlVerb>(known - kVerbs.begin())};
  if (names_a_sink(request.verb)) {
    const std::string* const sink = string_in(*json, "sink");
    if (sink == nullptr) return std::unexpected(R"(this verb needs the name of a sink: "sink":"relp")");
    request.sink = *sink;
  }
  if (request.verb == ControlVerb::Rewind) {
    const auto place = place_in(*json);
    if (!place)
      return std::unexpected(
          R"(rewind needs one place: "offset":NUMBER, "time":MILLISECONDS, "to":"beginning" or "to":"end")");
    request.to = *place;
  }
  if (request.verb == ControlVerb::SetLevel) {
    const std::string* const name = string_in(*json, "level");
    const Level* const level = name == nullptr ? nullptr : find_level(*name);
    if (level == nullptr)
      return std::unexpected(R"(level needs "level":"debug", "info", "warning" or "error")");
    request.level = *level;
  }
  return request;
}

std::string to_request(const ControlRequest& request) {
  JsonText json;
  json.begin('{');
  json.name("version");
  json.number(kControlVersion);
  json.name("verb");
  json.string(kVerbs[static_cast<std::size_t>(request.verb)]);
  if (names_a_sink(request.verb)) {
    json.name("sink");
    json.string(request.sink);
  }
  if (request.verb == ControlVerb::Rewind) {
    using enum RewindTo::Kind;
    switch (request.to.kind) {
      case Offset:
        json.name("offset");
        json.number(request.to.offset.value);
        break;
      case Time:
        json.name("time");
        json.number(static_cast<std::uint64_t>(
            std::chrono::floor<milliseconds>(request.to.time.time_since_epoch()).count()));
        break;
      case Beginning:
      case End:
        json.name("to");
        json.string(request.to.kind == Beginning ? "beginning" : "end");
    }
  }
  if (request.verb == ControlVerb::SetLevel) {
    json.name("level");
    json.string(name_of(request.level));
  }
  json.end('}');
  return json.take() + '\n';
}

std::string_view name_of(Level level) {
  return kLevels[static_cast<std::size_t>(level)].first;
}

const Level* find_level(std::string_view name) {
  const auto* const found = std::ranges::find(kLevels, name, &std::pair<std::string_view, Level>::first);
  return found == kLevels.end() ? nullptr : &found->second;
}

std::string to_refusal(std::string_view why, Refusal refusal) {
  JsonText json;
  json.begin('{');
  json.name("version");
  json.number(kControlVersion);
  json.name("error");
  json.string(why);
  if (refusal == Refusal::NoPermission) {
    json.name("reason");
    json.string("permission");
  }
  json.end('}');
  return json.take();
}

std::string to_outcome(std::string_view outcome) {
  JsonText json;
  json.begin('{');
  json.name("version");
  json.number(kControlVersion);
  json.name("outcome");
  json.string(outcome);
  json.end('}');
  return json.take();
}

}  // namespace slurper
