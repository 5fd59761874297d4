// Fills in the placeholders of a table's words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slurper {

// `words` with each "{placeholder}" replaced by value_of("placeholder"), an optional<string>. One without a
// value stays as it is written.
template <typename ValueOf>
[[nodiscard]] std::string fill_in(std::string_view words, const ValueOf& value_of) {
  std::string text;
  while (!words.empty()) {
    const std::size_t open = words.find('{');
    const std::size_t close = words.find('}', open);
    text += words.substr(0, open);
    if (close == std::string_view::npos) break;
    const std::string_view placeholder = words.substr(open + 1, close - open - 1);
    const std::optional<std::string> value = value_of(placeholder);
    text += value ? *value : std::string(words.substr(open, close + 1 - open));
    words.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace slurper
