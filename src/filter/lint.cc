#include "filter/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "base/phrase_id.h"
#include "base/text.h"
#include "filter/literal.h"

namespace slurper {

namespace {

std::size_t bare_length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if(text, ends_bare_word) - text.begin());
}

std::optional<LintWarning> typographic_quote(std::string_view rest) {
  constexpr std::array<std::string_view, 10> kQuotes = {"“", "”", "„", "‟", "‘", "’", "‚", "«", "»", "‹"};
  const auto found =
      std::ranges::find_if(kQuotes, [&](std::string_view quote) { return rest.starts_with(quote); });
  if (found == kQuotes.end()) return std::nullopt;
  return LintWarning{.position = 0,
                     .why = {PhraseId::FilterTypographicQuote, {{"quote", *found}}},
                     .advice = PhraseId::FilterWriteQuotes};
}

// /pattern/ or /pattern/i, with or without blanks, as in sed, Perl and JavaScript. A path has more slashes.
std::optional<LintWarning> pattern_in_slashes(std::string_view rest) {
  if (!rest.starts_with('/')) return std::nullopt;
  const std::size_t end = rest.find('/', 1);
  if (end == std::string_view::npos || end == 1) return std::nullopt;
  const std::size_t behind = std::min(rest.find_first_not_of("gims", end + 1), rest.size());
  if (behind < rest.size() && !ends_bare_word(rest[behind])) return std::nullopt;
  const std::string_view flags = rest.substr(end + 1, behind - end - 1);
  const std::string pattern = (flags.contains('i') ? "(?i)" : "") + std::string(rest.substr(1, end - 1));
  return LintWarning{
      .position = 0,
      .why = PhraseId::FilterPatternInSlashes,
      .advice = {PhraseId::FilterPatternWithoutSlashes, {{"pattern", shortened(text_literal(pattern))}}}};
}

bool is_ipv4(std::string_view text) {
  int numbers = 0;
  while (!text.empty()) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > 255) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (++numbers == 4) return text.empty();
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
  return false;
}

bool is_ipv6(std::string_view text) {
  return std::ranges::count(text, ':') >= 2 &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == text.npos;
}

// 10.0.0.0/8
std::optional<LintWarning> network(const Comparison& comparison, std::string_view word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view address = word.substr(0, slash);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(word.data() + slash + 1, word.data() + word.size(), bits);
  const bool ipv4 = is_ipv4(address);
  const bool is_network = error == std::errc() && end == word.data() + word.size() &&
                          ((ipv4 && bits <= 32) || (is_ipv6(address) && bits <= 128));
  if (!is_network) return std::nullopt;
  std::string field(comparison.field->name);
  if (!comparison.argument.empty()) field += fmt::format("[{}]", text_literal(comparison.argument));
  const auto write = [&](std::string_view operation, std::string_view value) {
    return Phrase(PhraseId::FilterWriteInstead,
                  {{"instead", fmt::format("{} {} {}", field, operation, value)}});
  };
  Phrase advice(PhraseId::FilterMatchAddresses, {{"field", field}});
  if (ipv4 && bits % 8 == 0 && bits > 0) {
    std::size_t length = 0;
    for (unsigned byte = 0; byte < bits / 8; ++byte)
      length = std::min(address.find('.', length), address.size() - 1) + 1;
    const std::string_view begin = address.substr(0, length);
    advice = write(bits == 32 ? "=" : "startswith", begin);
  } else if (!ipv4 && address.ends_with("::")) {
    advice = write("startswith", address.substr(0, address.size() - 1));
  }
  return LintWarning{.position = 0,
                     .why = {PhraseId::FilterNetwork,
                             {{"network", QuotedText{shortened(word)}},
                              {"operator", QuotedText{std::string(name_of(comparison.op))}}}},
                     .advice = std::move(advice)};
}

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

// Includes both ends; empty if low > high.
struct Range {
  std::int64_t low = kLowest;
  std::int64_t high = kHighest;
  [[nodiscard]] bool is_empty() const { return low > high; }
};

// The numbers for which the comparison holds.
Range range_of(const Comparison& comparison) {
  if (comparison.numbers.empty()) return {};
  const std::int64_t value = comparison.numbers.front();
  switch (comparison.op) {
    case Operator::Equal:
      return {value, value};
    case Operator::In: {
      const auto [low, high] = std::ranges::minmax(comparison.numbers);
      return {low, high};
    }
    case Operator::Less:
      return value == kLowest ? Range{0, -1} : Range{kLowest, value - 1};
    case Operator::LessEqual:
      return {kLowest, value};
    case Operator::Greater:
      return value == kHighest ? Range{0, -1} : Range{value + 1, kHighest};
    case Operator::GreaterEqual:
      return {value, kHighest};
    default:
      return {};
  }
}

// The numbers that the field can have.
Range range_of(const Field& field) {
  if (field.names.empty()) return {};
  const auto [low, high] = std::ranges::minmax(field.names, {}, &NamedValue::value);
  return {low.value, high.value};
}

// Users often reverse the order of severities.
Phrase advice_on_range(const Field& field) {
  if (field.names.empty()) return PhraseId::FilterJoinWithOr;
  std::vector<NamedValue> values;
  for (const NamedValue& one : field.names) {
    if (name_of(field, one.value) == one.name) values.push_back(one);
  }
  std::ranges::sort(values, {}, &NamedValue::value);
  std::string order;
  for (const NamedValue& one : values) order.append(order.empty() ? "" : " < ").append(one.name);
  return {PhraseId::FilterOrderIs, {{"order", std::move(order)}}};
}

// Comparisons that must all hold.
class Together {
 public:
  void add(const Comparison& comparison) {
    if (warning_) return;
    if (comparison.field->type == FieldType::Text) {
      if (comparison.op == Operator::Equal && comparison.field->texts == nullptr) add_text(comparison);
    } else if (comparison.field->numbers == nullptr && comparison.other == nullptr &&
               comparison.argument.empty()) {
      add_numbers(comparison);
    }
  }
  [[nodiscard]] const std::optional<LintWarning>& warning() const { return warning_; }

 private:
  struct Known {
    const Comparison* comparison;
    Range range;
  };

  void add_text(const Comparison& comparison) {
    for (const Comparison* other : texts_) {
      if (other->field != comparison.field || other->argument != comparison.argument ||
          other->texts == comparison.texts)
        continue;
      const std::string one = shortened(text_literal(other->texts.front()));
      const std::string two = shortened(text_literal(comparison.texts.front()));
      warning_ = {
          .position = comparison.value_position,
          .why = {PhraseId::FilterNeverBoth, {{"field", comparison.field->name}, {"one", one}, {"two", two}}},
          .advice = {PhraseId::FilterWriteIn,
                     {{"field", comparison.field->name}, {"one", one}, {"two", two}}}};
      return;
    }
    texts_.push_back(&comparison);
  }

  void add_numbers(const Comparison& comparison) {
    const Field& field = *comparison.field;
    const Range own = range_of(comparison);
    auto known =
        std::ranges::find_if(known_, [&](const Known& one) { return one.comparison->field == &field; });
    const bool is_first = known == known_.end();
    if (is_first) known = known_.insert(known_.end(), {.comparison = &comparison, .range = range_of(field)});
    known->range = {std::max(known->range.low, own.low), std::min(known->range.high, own.high)};
    if (!known->range.is_empty()) return;
    warning_ = {.position = comparison.value_position,
                .why = {is_first ? PhraseId::FilterNoSuchValue : PhraseId::FilterNeverTogether,
                        {{"field", field.name}}},
                .advice = advice_on_range(field)};
  }

  std::vector<const Comparison*> texts_;
  std::vector<Known> known_;
  std::optional<LintWarning> warning_;
};

std::optional<LintWarning> lint_never_true(const Expression& expression, const Node& node) {
  Together together;
  const auto add = [&](const Node& one) {
    if (one.kind == Node::Kind::Comparison) together.add(expression.comparisons[one.first_comparison]);
  };
  if (node.kind == Node::Kind::Comparison) add(node);
  if (node.kind == Node::Kind::And) std::ranges::for_each(node.children, add);
  if (together.warning()) return together.warning();
  for (const Node& child : node.children) {
    if (auto warning = lint_never_true(expression, child)) return warning;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LintWarning> lint_value(const Comparison& comparison, std::string_view rest) {
  if (auto warning = typographic_quote(rest)) return warning;
  if (comparison.op == Operator::Matches) return pattern_in_slashes(rest);
  const bool whole = comparison.op == Operator::Equal || comparison.op == Operator::NotEqual ||
                     comparison.op == Operator::In || comparison.op == Operator::StartsWith;
  if (comparison.field->type == FieldType::Text && whole) {
    if (auto warning = network(comparison, rest.substr(0, bare_length(rest)))) return warning;
  }
  return std::nullopt;
}

std::optional<LintWarning> lint_never_true(const Expression& expression) {
  return lint_never_true(expression, expression.root);
}

}  // namespace slurper
