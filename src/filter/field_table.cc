#include "filter/field_table.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

namespace {

// A longer name is no typing error, and would be slow to compare.
constexpr std::size_t kMaxName = 64;

// Only events have more fields than a message can list.
constexpr std::size_t kMaxListed = 40;

// Whether `word` is one of `words`, which are separated by blanks.
bool is_one_of(std::string_view word, std::string_view words) {
  while (!words.empty()) {
    const std::size_t blank = std::min(words.find(' '), words.size());
    if (words.substr(0, blank) == word) return true;
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  return false;
}

}  // namespace

const Field* find_field(FieldTable table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Field::name);
  return found == table.end() ? nullptr : &*found;
}

Phrase suggest_field(FieldTable table, std::string_view name) {
  if (name.size() <= kMaxName) {
    // sysdig's syslog.severity is severity here.
    const std::string_view last = name.substr(name.rfind('.') + 1);
    const auto edits = [&](const Field& field) {
      if (field.name == last || is_one_of(name, field.also) || is_one_of(last, field.also))
        return std::size_t{0};
      return edit_distance(field.name, name);
    };
    const auto nearest = std::ranges::min_element(table, {}, edits);
    if (nearest != table.end() && edits(*nearest) <= max_edits(name))
      return {PhraseId::DidYouMean, {{"name", QuotedText{std::string(nearest->name)}}}};
    if (table.size() > kMaxListed)
      return own_words("The nearest is '" + std::string(nearest->name) +
                       "'; slurper trace --list lists all fields");
  }
  if (table.size() > kMaxListed) return own_words("slurper trace --list lists all fields");
  std::string names;
  for (const Field& field : table) names.append(names.empty() ? "" : " ").append(field.name);
  return {PhraseId::FilterFieldsAre, {{"fields", std::move(names)}}};
}

NumberValue named_value(const Field& field, std::string_view text) {
  const auto named = std::ranges::find(field.names, text, &NamedValue::name);
  if (named != field.names.end()) return named->value;
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc() || rest != text.end() || name_of(field, number).empty()) return std::nullopt;
  return number;
}

std::string_view name_of(const Field& field, std::int64_t value) {
  const auto found = std::ranges::find(field.names, value, &NamedValue::value);
  return found == field.names.end() ? std::string_view() : found->name;
}

}  // namespace slurper
