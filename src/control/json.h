// Reads JSON that comes over the control socket.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace slurper {

using Json = nlohmann::json;

inline constexpr int kMaxJsonDepth = 8;

// A text that another process sent may be hostile: what is nested deeper than kMaxJsonDepth is refused, and
// memory is bounded by the text's length. Empty unless `text` is one JSON value (RFC 8259) and nothing else
// but white space, in valid UTF-8. Of several members with one name, the last one counts.
[[nodiscard]] std::optional<Json> parse_json(std::string_view text);

// The member `name` of an object if it is of that kind. A number is a whole one from 0 to 2^64 - 1.
[[nodiscard]] const std::string* string_in(const Json& object, const char* name);
[[nodiscard]] std::optional<std::uint64_t> number_in(const Json& object, const char* name);

}  // namespace slurper
