#include "control/json.h"

#include <utility>

namespace slurper {

std::optional<Json> parse_json(std::string_view text) {
  bool is_too_deep = false;
  // What the callback refuses is left out of the tree; the parser itself does not recurse.
  const auto bounds_depth = [&](int depth, Json::parse_event_t, const Json&) {
    is_too_deep = is_too_deep || depth > kMaxJsonDepth;
    return !is_too_deep;
  };
  Json json = Json::parse(text, bounds_depth, false);
  if (is_too_deep || json.is_discarded()) return std::nullopt;
  return json;
}

const std::string* string_in(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr : member->get_ptr<const std::string*>();
}

std::optional<std::uint64_t> number_in(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return std::nullopt;
  return member->get<std::uint64_t>();
}

}  // namespace slurper
