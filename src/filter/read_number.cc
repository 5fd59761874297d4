#include "filter/read_number.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"
#include "filter/literal.h"

namespace slurper {

std::expected<std::int64_t, Phrase> read_number(const Field& field, std::string_view value) {
  NumberValue number;
  Phrase advice;
  if (field.type == FieldType::Number) {
    const bool negative = value.starts_with('-');
    std::string_view digits = value.substr(negative ? 1 : 0);
    const bool hexadecimal = digits.starts_with("0x");
    if (hexadecimal) digits.remove_prefix(2);
    const std::string signed_digits = (negative ? "-" : "") + std::string(digits);
    std::int64_t parsed = 0;
    const char* const end = signed_digits.data() + signed_digits.size();
    const auto [stop, error] = std::from_chars(signed_digits.data(), end, parsed, hexadecimal ? 16 : 10);
    if (error == std::errc() && stop == end && !digits.starts_with('-')) number = parsed;
    advice = {PhraseId::FilterNumberIs, {{"field", QuotedText{shortened(field.name)}}}};
  } else if (field.type == FieldType::Time) {
    number = parse_time(value);
    advice = PhraseId::FilterTimeIs;
  } else {
    number = named_value(field, value);
    const auto edits = [&](const NamedValue& one) { return edit_distance(one.name, value); };
    if (!number && value.size() <= kMaxGuessedName) {
      const auto nearest = std::ranges::min_element(field.names, {}, edits);
      if (nearest != field.names.end() && edits(*nearest) <= max_edits(value))
        advice = Phrase(PhraseId::DidYouMean, {{"name", QuotedText{shortened(nearest->name)}}});
    }
    if (advice.empty()) {
      std::string names;
      for (const NamedValue& one : field.names) {
        if (name_of(field, one.value) == one.name) names.append(names.empty() ? "" : " ").append(one.name);
      }
      advice = {PhraseId::FilterValuesAre, {{"values", std::move(names)}}};
    }
  }
  if (!number) return std::unexpected(std::move(advice));
  return *number;
}

}  // namespace slurper
