#include "filter/foreign_words.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/phrase_id.h"

namespace slurper {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The name that other languages, and sysdig, have for something.
struct Foreign {
  std::string_view word;
  PhraseId advice;
  std::string_view instead = {};  // its argument
};
constexpr std::array kForeignOperators = {
    Foreign{"==", PhraseId::FilterWriteInstead, "="},
    Foreign{"=~", PhraseId::FilterWriteInstead, "matches"},
    Foreign{"!~", PhraseId::FilterNotMatches},
    Foreign{"<>", PhraseId::FilterWriteInstead, "!="},
    Foreign{"~", PhraseId::FilterWriteInstead, "matches"},
    Foreign{":", PhraseId::FilterWriteInstead, "="},
    Foreign{"is", PhraseId::FilterWriteInstead, "="},
    Foreign{"eq", PhraseId::FilterWriteInstead, "="},
    Foreign{"not", PhraseId::FilterNotBeforeField},
    Foreign{"regex", PhraseId::FilterWriteInstead, "matches"},
    Foreign{"like", PhraseId::FilterGlobInstead},
    Foreign{"iglob", PhraseId::FilterMatchesInstead},
    Foreign{"pmatch", PhraseId::FilterPrefixInstead},
    Foreign{"bcontains", PhraseId::FilterBytesInstead, "contains"},
    Foreign{"bstartswith", PhraseId::FilterBytesInstead, "startswith"},
    Foreign{"intersects", PhraseId::FilterWriteInstead, "in"},
};
constexpr std::array kForeignConnectives = {
    Foreign{"&&", PhraseId::FilterWriteInstead, "and"},  Foreign{"||", PhraseId::FilterWriteInstead, "or"},
    Foreign{"AND", PhraseId::FilterWriteInstead, "and"}, Foreign{"OR", PhraseId::FilterWriteInstead, "or"},
    Foreign{"&", PhraseId::FilterWriteInstead, "and"},   Foreign{"|", PhraseId::FilterWriteInstead, "or"},
    Foreign{",", PhraseId::FilterSeveralValues},
};
constexpr std::array kForeignBeginnings = {Foreign{"!", PhraseId::FilterWriteInstead, "not"},
                                           Foreign{"NOT", PhraseId::FilterWriteInstead, "not"}};

std::span<const Foreign> words_at(FilterPlace place) {
  switch (place) {
    case FilterPlace::Beginning:
      return kForeignBeginnings;
    case FilterPlace::Operator:
      return kForeignOperators;
    case FilterPlace::Connective:
      return kForeignConnectives;
  }
  std::unreachable();
}

}  // namespace

Phrase advice_on_foreign_word(FilterPlace place, std::string_view text) {
  for (const Foreign& foreign : words_at(place)) {
    const std::string_view rest = text.substr(std::min(foreign.word.size(), text.size()));
    const bool whole = !is_letter(foreign.word.back()) || rest.empty() || !is_letter(rest.front());
    if (text.starts_with(foreign.word) && whole) return {foreign.advice, {{"instead", foreign.instead}}};
  }
  return {};
}

}  // namespace slurper
