#include "sink/format/no_such_field.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

Phrase no_such_field(std::string_view name, std::size_t column, std::span<const std::string_view> names) {
  const auto slips = [name](std::string_view other) { return edit_distance(name, other); };
  const auto nearest = std::ranges::min_element(names, {}, slips);
  // Two bytes that changed places are two edits: {hots}.
  const std::size_t most = std::max<std::size_t>(max_edits(name), name.size() < 4 ? 0 : 2);
  const bool is_slip = nearest != names.end() && slips(*nearest) <= most;
  Phrase phrase(is_slip ? PhraseId::TemplateFieldMeant : PhraseId::TemplateNoSuchField,
                {{"column", std::uint64_t{column}}, {"name", QuotedText{std::string(name)}}});
  if (is_slip) return phrase.with({"meant", QuotedText{std::string(*nearest)}});
  return phrase.with({"fields", fmt::format("{}", fmt::join(names, ", "))});
}

}  // namespace slurper
