#include "control/control_request.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "control/json.h"
#include "control/json_text.h"

namespace slurper {

namespace {

// In the order of ControlVerb.
constexpr std::array<std::string_view, 1> kVerbs = {"status"};

}  // namespace

std::expected<ControlVerb, std::string> parse_request(std::string_view line) {
  const std::optional<JsonValue> request = parse_json(line);
  if (!request || request->kind != JsonValue::Kind::Object)
    return std::unexpected(R"(a request is one line of JSON, such as {"version":1,"verb":"status"})");
  const JsonValue* const version = request->find("version");
  if (version == nullptr || version->to_unsigned() != kControlVersion)
    return std::unexpected(fmt::format(R"(this slurper knows "version":{} only)", kControlVersion));
  const JsonValue* const verb = request->find("verb");
  for (std::size_t i = 0; i < kVerbs.size(); ++i) {
    if (verb != nullptr && verb->kind == JsonValue::Kind::String && verb->text == kVerbs[i])
      return static_cast<ControlVerb>(i);
  }
  return std::unexpected(R"(this slurper knows "verb":"status" only)");
}

std::string to_request(ControlVerb verb) {
  return fmt::format(R"({{"version":{},"verb":"{}"}})"
                     "\n",
                     kControlVersion, kVerbs[static_cast<std::size_t>(verb)]);
}

std::string to_refusal(std::string_view why) {
  JsonText json;
  json.begin('{');
  json.name("version");
  json.number(kControlVersion);
  json.name("error");
  json.string(why);
  json.end('}');
  return json.take();
}

}  // namespace slurper
