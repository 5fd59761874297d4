#include "filter/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "filter/foreign_words.h"
#include "filter/lint.h"
#include "filter/literal.h"
#include "filter/read_number.h"

namespace slurper {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

QuotedText named(std::string_view text) {
  return {shortened(text)};
}

Phrase did_you_mean(std::string_view name) {
  return {PhraseId::DidYouMean, {{"name", named(name)}}};
}

std::string operators_on(const Field& field, Dialect dialect) {
  std::string names;
  for (const OperatorInfo& info : operators(dialect)) {
    if (field.type == FieldType::Text ? info.on_text : info.on_numbers)
      names.append(names.empty() ? "" : " ").append(info.name);
  }
  return names;
}

// "0aff" as two bytes; nothing if it is no row of bytes.
std::optional<std::string> bytes_of_hex(std::string_view digits) {
  if (digits.empty() || digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (error != std::errc() || end != digits.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// Recursive descent. Every function returns false after an error; the parser keeps the first error.
class Parser {
 public:
  Parser(std::string_view text, FieldTable fields, Dialect dialect)
      : text_(text), fields_(fields), dialect_(dialect) {}

  std::expected<Expression, FilterError> parse() {
    if (check_text() && parse_or(expression_.root) && check_end()) return std::move(expression_);
    return std::unexpected(std::move(error_).value_or(FilterError()));
  }

 private:
  bool fail(std::size_t position, Phrase why, Phrase advice = {}) {
    // If something is missing at the end, the error's place is after the last word.
    if (position == text_.size()) position = text_.find_last_not_of(kSpace) + 1;
    if (!error_) error_ = filter_error(text_, position, std::move(why), std::move(advice));
    return false;
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(position_); }
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }

  void skip_space() {
    while (!at_end() && is_space(text_[position_])) ++position_;
  }
  bool take(char c) {
    skip_space();
    if (!rest().starts_with(c)) return false;
    ++position_;
    return true;
  }
  // Letters, digits and underscores, beginning with a letter.
  [[nodiscard]] std::string_view word_at(std::size_t position) const {
    if (position >= text_.size() || !is_letter(text_[position])) return {};
    std::size_t end = position;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    return text_.substr(position, end - position);
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (word_at(position_) != word) return false;
    position_ += word.size();
    return true;
  }
  // The text here, for messages: up to the next blank or parenthesis.
  [[nodiscard]] std::string_view token() const {
    const std::size_t end = text_.find_first_of(" \t\r\n()", position_);
    return text_.substr(position_, std::max<std::size_t>(std::min(end, text_.size()) - position_, 1));
  }

  bool check_text();
  bool check_end();
  bool parse_or(Node& node) { return parse_list(node, Node::Kind::Or, "or", &Parser::parse_and); }
  bool parse_and(Node& node) { return parse_list(node, Node::Kind::And, "and", &Parser::parse_not); }
  bool parse_list(Node& node, Node::Kind kind, std::string_view word, bool (Parser::*parse_child)(Node&));
  bool parse_not(Node& node);
  bool parse_primary(Node& node);
  bool parse_comparison(Node& node);
  bool parse_field(Comparison& comparison);
  [[nodiscard]] std::size_t name_length(std::size_t begin) const;
  [[nodiscard]] const Field* find_dotted(std::string_view name, std::string& argument) const;
  bool parse_other_field(Comparison& comparison);
  bool take_event_operator(Comparison& comparison);
  bool parse_operator(Comparison& comparison);
  bool parse_values(Comparison& comparison);
  bool parse_value(Comparison& comparison);
  bool parse_raw_value(std::string& value);
  bool parse_quoted(std::string& value);
  bool parse_escape(std::string& value);

  std::string_view text_;
  FieldTable fields_;
  Dialect dialect_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  bool hexadecimal_ = false;  // the operator takes a row of bytes
  Expression expression_;
  std::optional<FilterError> error_;
};

bool Parser::check_text() {
  if (text_.size() > kMaxFilterLength)
    return fail(kMaxFilterLength,
                {PhraseId::FilterTooLong, {{"length", text_.size()}, {"limit", kMaxFilterLength}}});
  for (std::size_t i = 0; i < text_.size();) {
    const std::size_t length = utf8_length(text_.substr(i));
    const auto byte = static_cast<unsigned char>(text_[i]);
    const bool control = (byte < 0x20 && !is_space(text_[i])) || byte == 0x7f;
    if (length == 0 || control)
      return fail(i, length == 0 ? PhraseId::FilterNotUtf8 : PhraseId::FilterControlCharacter,
                  {PhraseId::FilterWriteByte, {{"byte", fmt::format("{:02x}", byte)}}});
    i += length;
  }
  return true;
}

bool Parser::check_end() {
  skip_space();
  if (at_end()) return true;
  if (rest().starts_with(')')) return fail(position_, PhraseId::FilterNeverOpened);
  const bool is_exists = !expression_.comparisons.empty() && word_at(position_) == "exists";
  return fail(position_, {PhraseId::FilterExpectedConnective, {{"found", named(token())}}},
              is_exists ? PhraseId::FilterExistsStandsAlone
                        : advice_on_foreign_word(FilterPlace::Connective, rest()));
}

bool Parser::parse_list(Node& node, Node::Kind kind, std::string_view word,
                        bool (Parser::*parse_child)(Node&)) {
  if (!(this->*parse_child)(node)) return false;
  if (!take_word(word)) return true;
  Node list{.kind = kind, .children = {}, .first_comparison = node.first_comparison};
  const auto add = [&](Node child) {
    if (child.kind != kind) {
      list.children.push_back(std::move(child));
    } else {
      std::ranges::move(child.children, std::back_inserter(list.children));
    }
  };
  add(std::move(node));
  do {
    Node child;
    if (!(this->*parse_child)(child)) return false;
    add(std::move(child));
  } while (take_word(word));
  node = std::move(list);
  return true;
}

bool Parser::parse_not(Node& node) {
  bool negated = false;
  while (take_word("not")) negated = !negated;
  if (!parse_primary(node)) return false;
  if (!negated) return true;
  if (node.kind == Node::Kind::Not) {
    Node child = std::move(node.children.front());
    node = std::move(child);
  } else {
    Node child = std::move(node);
    node = Node{.kind = Node::Kind::Not, .children = {}, .first_comparison = child.first_comparison};
    node.children.push_back(std::move(child));
  }
  return true;
}

bool Parser::parse_primary(Node& node) {
  if (!take('(')) return parse_comparison(node);
  const std::size_t opened = position_ - 1;
  if (++depth_ > kMaxFilterDepth)
    return fail(opened, {PhraseId::FilterTooDeep, {{"limit", kMaxFilterDepth}}});
  if (!parse_or(node)) return false;
  --depth_;
  if (take(')')) return true;
  if (at_end()) return fail(opened, {PhraseId::FilterNeverClosed, {{"opening", "'('"}}});
  return fail(position_, {PhraseId::FilterExpectedConnectiveOrEnd, {{"found", named(token())}}},
              advice_on_foreign_word(FilterPlace::Connective, rest()));
}

bool Parser::parse_comparison(Node& node) {
  Comparison comparison;
  if (!parse_field(comparison) || !parse_operator(comparison) || !parse_values(comparison)) return false;
  node = Node{
      .kind = Node::Kind::Comparison, .children = {}, .first_comparison = expression_.comparisons.size()};
  expression_.comparisons.push_back(std::move(comparison));
  return true;
}

// name, name.name, name[argument], name["argument"]
bool Parser::parse_field(Comparison& comparison) {
  skip_space();
  const std::size_t begin = position_;
  std::string_view word = word_at(position_);
  if (word.empty() || word == "and" || word == "or") {
    const bool empty = at_end() && expression_.comparisons.empty() && depth_ == 0;
    if (at_end()) return fail(begin, empty ? PhraseId::FilterEmpty : PhraseId::FilterEndsBeforeField);
    return fail(begin, {PhraseId::FilterExpectedField, {{"found", named(token())}}},
                advice_on_foreign_word(FilterPlace::Beginning, rest()));
  }
  position_ += name_length(position_);
  const std::string_view name = text_.substr(begin, position_ - begin);
  comparison.field = find_field(fields_, name);
  if (comparison.field == nullptr) comparison.field = find_dotted(name, comparison.argument);
  if (comparison.field == nullptr) {
    Phrase advice = advice_on_foreign_word(FilterPlace::Beginning, text_.substr(begin));
    if (advice.empty()) advice = suggest_field(fields_, name);
    return fail(begin, {PhraseId::FilterNoSuchField, {{"name", named(name)}}}, std::move(advice));
  }
  if (!rest().starts_with('[') || !comparison.argument.empty()) return true;

  const std::size_t bracket = position_++;
  if (comparison.field->argument.empty())
    return fail(bracket, {PhraseId::FilterTakesNoBrackets, {{"field", named(name)}}});
  if (rest().starts_with('"') || rest().starts_with('\'')) {
    if (!parse_quoted(comparison.argument)) return false;
  } else {
    const std::size_t end = std::min(text_.find_first_of("[]\"' \t\r\n", position_), text_.size());
    comparison.argument = text_.substr(position_, end - position_);
    position_ = end;
  }
  if (comparison.argument.empty())
    return fail(bracket + 1, {PhraseId::FilterEmptyBrackets, {{"field", named(name)}}},
                {PhraseId::FilterWriteInstead,
                 {{"instead", fmt::format("{}[{}]", name, comparison.field->argument)}}});
  if (!rest().starts_with(']')) return fail(position_, PhraseId::FilterExpectedBracket);
  ++position_;
  return true;
}

// A word, and those behind points.
std::size_t Parser::name_length(std::size_t begin) const {
  std::size_t end = begin + word_at(begin).size();
  while (end < text_.size() && text_[end] == '.' && !word_at(end + 1).empty())
    end += 1 + word_at(end + 1).size();
  return end - begin;
}

// evt.arg.name is evt.arg[name].
const Field* Parser::find_dotted(std::string_view name, std::string& argument) const {
  const std::size_t point = name.rfind('.');
  if (point == std::string_view::npos) return nullptr;
  const Field* const field = find_field(fields_, name.substr(0, point));
  if (field == nullptr || !field->dotted) return nullptr;
  argument = name.substr(point + 1);
  return field;
}

// What sysdig writes in another way than slurper's sinks: ==, and operators that are others in disguise.
bool Parser::take_event_operator(Comparison& comparison) {
  struct Alias {
    std::string_view name;
    Operator op;
    bool takes_hexadecimal = false;
  };
  constexpr std::array kAliases = {
      Alias{"==", Operator::Equal},
      Alias{"intersects", Operator::In},
      Alias{"regex", Operator::Matches},
      Alias{"bcontains", Operator::Contains, true},
      Alias{"bstartswith", Operator::StartsWith, true},
  };
  if (dialect_ != Dialect::Events) return false;
  const std::string_view word = word_at(position_);
  const auto found = std::ranges::find_if(kAliases, [&](const Alias& alias) {
    return word.empty() ? rest().starts_with(alias.name) : word == alias.name;
  });
  if (found == kAliases.end()) return false;
  const bool on_text = operators(dialect_)[static_cast<std::size_t>(found->op)].on_text;
  const bool on_numbers = operators(dialect_)[static_cast<std::size_t>(found->op)].on_numbers;
  if (comparison.field->type == FieldType::Text ? !on_text : !on_numbers) return false;
  comparison.op = found->op;
  hexadecimal_ = found->takes_hexadecimal;
  position_ += found->name.size();
  return true;
}

bool Parser::parse_operator(Comparison& comparison) {
  skip_space();
  hexadecimal_ = false;
  const Field& field = *comparison.field;
  const auto usual = [&] {
    return Phrase(PhraseId::FilterOperatorsAre,
                  {{"field", named(field.name)}, {"operators", operators_on(field, dialect_)}});
  };
  if (at_end()) return fail(position_, PhraseId::FilterEndsBeforeOperator, usual());

  if (take_event_operator(comparison)) return true;
  // Finds the longest operator that matches; a word must match as a whole.
  const std::string_view word = word_at(position_);
  const OperatorInfo* found = nullptr;
  for (const OperatorInfo& info : operators(dialect_)) {
    const bool fits = word.empty() ? rest().starts_with(info.name) : word == info.name;
    if (fits && (found == nullptr || info.name.size() > found->name.size())) found = &info;
  }
  Phrase advice = advice_on_foreign_word(FilterPlace::Operator, rest());
  if (found != nullptr && dialect_ == Dialect::Events) advice = {};
  if (found == nullptr || !advice.empty()) {
    if (!word.empty() && word.size() <= kMaxGuessedName && advice.empty()) {
      const auto edits = [&](const OperatorInfo& info) { return edit_distance(info.name, word); };
      const auto& nearest = *std::ranges::min_element(operators(dialect_), {}, edits);
      if (edits(nearest) <= max_edits(word)) advice = did_you_mean(nearest.name);
    }
    std::size_t symbols = 0;  // as many as could be meant as one operator
    while (symbols < 2 && symbols < rest().size() &&
           std::string_view("=!<>~:").find(rest()[symbols]) != std::string_view::npos)
      ++symbols;
    const std::string_view culprit = !word.empty() ? word : symbols > 0 ? rest().substr(0, symbols) : token();
    return fail(position_, {PhraseId::FilterNoSuchOperator, {{"name", named(culprit)}}},
                advice.empty() ? usual() : std::move(advice));
  }
  if (field.type == FieldType::Text ? !found->on_text : !found->on_numbers)
    return fail(position_,
                {PhraseId::FilterOperatorDoesNotFit,
                 {{"operator", named(found->name)},
                  {"values", field.type == FieldType::Text     ? "texts"
                             : field.type == FieldType::Number ? "numbers"
                             : field.type == FieldType::Name   ? "names"
                                                               : "times"}}},
                usual());
  comparison.op = found->op;
  position_ += found->name.size();
  return true;
}

bool Parser::parse_values(Comparison& comparison) {
  if (comparison.op == Operator::Exists) return true;
  skip_space();
  comparison.value_position = position_;
  if (!takes_list(comparison.op)) return parse_other_field(comparison) || parse_value(comparison);
  if (!take('('))
    return fail(position_, PhraseId::FilterInNeedsParentheses,
                {PhraseId::FilterWriteInstead,
                 {{"instead", fmt::format("{} {} (…, …)", comparison.field->name, name_of(comparison.op))}}});
  const std::size_t opened = position_ - 1;
  std::size_t count = 0;
  do {
    skip_space();
    if (++count > kMaxFilterValues)
      return fail(position_, {PhraseId::FilterTooManyValues, {{"limit", kMaxFilterValues}}});
    if (!parse_value(comparison)) return false;
  } while (take(','));
  if (take(')')) return true;
  if (at_end()) return fail(opened, {PhraseId::FilterNeverClosed, {{"opening", "'('"}}});
  return fail(position_, {PhraseId::FilterExpectedCommaOrEnd, {{"found", named(token())}}});
}

// The field on the right of fd.open.uid != user.uid, if one stands there. Of numbers only: a text is itself.
bool Parser::parse_other_field(Comparison& comparison) {
  const Field& field = *comparison.field;
  if (dialect_ != Dialect::Events || field.type == FieldType::Text || field.number == nullptr) return false;
  const std::string_view name = text_.substr(position_, name_length(position_));
  const Field* const other = find_field(fields_, name);
  if (other == nullptr || other->type != field.type || other->number == nullptr || !other->argument.empty())
    return false;
  comparison.other = other;
  position_ += name.size();
  return true;
}

bool Parser::parse_value(Comparison& comparison) {
  skip_space();
  const std::size_t begin = position_;
  if (auto warning = lint_value(comparison, rest()))
    return fail(begin, std::move(warning->why), std::move(warning->advice));
  std::string value;
  if (!parse_raw_value(value)) return false;
  const Field& field = *comparison.field;
  if (field.type == FieldType::Text) {
    if (hexadecimal_) {
      auto bytes = bytes_of_hex(value);
      if (!bytes) return fail(begin, {PhraseId::FilterNotHexadecimal, {{"value", named(value)}}});
      value = std::move(*bytes);
    }
    comparison.texts.push_back(std::move(value));
    return true;
  }
  auto number = read_number(field, value);
  if (!number)
    return fail(begin, {PhraseId::FilterWrongValue, {{"value", named(value)}, {"field", named(field.name)}}},
                std::move(number.error()));
  comparison.numbers.push_back(*number);
  return true;
}

bool Parser::parse_raw_value(std::string& value) {
  if (at_end()) return fail(position_, PhraseId::FilterEndsBeforeValue);
  if (rest().starts_with('"') || rest().starts_with('\'')) return parse_quoted(value);
  std::size_t end = position_;
  while (end < text_.size() && !ends_bare_word(text_[end])) ++end;
  value = text_.substr(position_, end - position_);
  if (value.empty())
    return fail(position_, {PhraseId::FilterExpectedValue, {{"found", named(token().substr(0, 1))}}},
                rest().starts_with('(') ? Phrase(PhraseId::FilterSeveralValues) : Phrase());
  if (value == "and" || value == "or" || value == "not")
    return fail(position_, {PhraseId::FilterExpectedValue, {{"found", named(value)}}},
                PhraseId::FilterQuoteTheWord);
  if (text_.substr(end).starts_with('=')) return fail(end, PhraseId::FilterEqualsNeedsQuotes);
  position_ = end;
  return true;
}

bool Parser::parse_quoted(std::string& value) {
  const std::size_t opened = position_;
  const char quote = text_[position_++];
  while (!at_end() && text_[position_] != quote) {
    if (text_[position_] != '\\') {
      value += text_[position_++];
    } else if (!parse_escape(value)) {
      return false;
    }
  }
  if (at_end()) return fail(opened, {PhraseId::FilterNeverClosed, {{"opening", std::string(1, quote)}}});
  ++position_;
  return true;
}

bool Parser::parse_escape(std::string& value) {
  const std::size_t backslash = position_++;
  const char c = at_end() ? '\0' : text_[position_++];
  switch (c) {
    case '\\':
    case '"':
    case '\'':
      value += c;
      return true;
    case 'n':
      value += '\n';
      return true;
    case 'r':
      value += '\r';
      return true;
    case 't':
      value += '\t';
      return true;
    case 'x': {
      unsigned byte = 0;
      const char* const digits = text_.data() + position_;
      const std::size_t count = std::min<std::size_t>(2, text_.size() - position_);
      const auto [end, error] = std::from_chars(digits, digits + count, byte, 16);
      if (error != std::errc() || end != digits + 2) return fail(backslash, PhraseId::FilterTwoDigits);
      value += static_cast<char>(byte);
      position_ += 2;
      return true;
    }
    default:
      return fail(backslash, PhraseId::FilterNoSuchEscape, PhraseId::FilterWriteBackslash);
  }
}

}  // namespace

std::expected<Expression, FilterError> parse_filter(std::string_view text, FieldTable fields,
                                                    Dialect dialect) {
  return Parser(text, fields, dialect).parse();
}

}  // namespace slurper
