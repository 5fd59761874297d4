// JsonValue: reads JSON that comes over the control socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// A value of RFC 8259, as a tree. A text that another process sent may be hostile: what is nested deeper than
// kMaxJsonDepth is refused, and memory is bounded by the text's length.
struct JsonValue {
  enum class Kind : std::uint8_t { Null, False, True, Number, String, Array, Object };

  Kind kind = Kind::Null;
  std::string text = {};                // a String's, in UTF-8; a Number's as it is written
  std::vector<JsonValue> items = {};    // an Array's; the values of an Object's members, in their order
  std::vector<std::string> names = {};  // of these members

  // The member `name` of an Object: of several with that name the first; nullptr if there is none.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  // A Number that is a whole one from 0 to 2^64 - 1.
  [[nodiscard]] std::optional<std::uint64_t> to_unsigned() const;
};

inline constexpr int kMaxJsonDepth = 8;

// Empty unless `text` is one JSON value and nothing else but white space, in valid UTF-8. A \u escape of half
// a surrogate pair is refused, too.
[[nodiscard]] std::optional<JsonValue> parse_json(std::string_view text);

}  // namespace slurper
