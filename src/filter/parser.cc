#include "filter/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "filter/lint.h"
#include "filter/literal.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxName = 64;  // a longer one is no typing error, and would be slow to compare

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

std::string named(std::string_view text) {
  return fmt::format("'{}'", shortened(text));
}

// The name that other languages, and sysdig, have for something.
struct Foreign {
  std::string_view word;
  std::string_view advice;
};
constexpr std::array kForeignOperators = {
    Foreign{"==", "Write ="},
    Foreign{"=~", "Write matches"},
    Foreign{"!~", "Write not before the field, and matches"},
    Foreign{"<>", "Write !="},
    Foreign{"~", "Write matches"},
    Foreign{":", "Write ="},
    Foreign{"is", "Write ="},
    Foreign{"eq", "Write ="},
    Foreign{"not", "Put not before the field: not program in (sshd, sudo)"},
    Foreign{"regex", "Write matches"},
    Foreign{"like", "Write glob, with * and ?"},
    Foreign{"iglob", "Write matches, with (?i) at the pattern's beginning"},
    Foreign{"pmatch", "Write startswith, or glob"},
    Foreign{"bcontains", "Write contains, and \\xNN in quotes for a byte"},
    Foreign{"bstartswith", "Write startswith, and \\xNN in quotes for a byte"},
    Foreign{"intersects", "Write in"},
};
constexpr std::array kForeignConnectives = {
    Foreign{"&&", "Write and"},
    Foreign{"||", "Write or"},
    Foreign{"AND", "Write and"},
    Foreign{"OR", "Write or"},
    Foreign{"&", "Write and"},
    Foreign{"|", "Write or"},
    Foreign{",", "Several values stand in parentheses: program in (sshd, sudo)"},
};
constexpr std::array kForeignBeginnings = {Foreign{"!", "Write not"}, Foreign{"NOT", "Write not"}};

template <std::size_t kSize>
std::string advice_for(std::string_view text, const std::array<Foreign, kSize>& table) {
  for (const Foreign& foreign : table) {
    const std::string_view rest = text.substr(std::min(foreign.word.size(), text.size()));
    const bool whole = !is_letter(foreign.word.back()) || rest.empty() || !is_letter(rest.front());
    if (text.starts_with(foreign.word) && whole) return std::string(foreign.advice);
  }
  return {};
}

std::string operators_on(const Field& field) {
  std::string names;
  for (const OperatorInfo& info : operators()) {
    if (field.type == FieldType::Text ? info.on_text : info.on_numbers)
      names.append(names.empty() ? "" : " ").append(info.name);
  }
  return names;
}

// Recursive descent. Every function returns false after an error; the parser keeps the first error.
class Parser {
 public:
  Parser(std::string_view text, FieldTable fields) : text_(text), fields_(fields) {}

  std::expected<Expression, FilterError> parse() {
    if (check_text() && parse_or(expression_.root) && check_end()) return std::move(expression_);
    return std::unexpected(std::move(error_).value_or(FilterError()));
  }

 private:
  bool fail(std::size_t position, std::string_view why, std::string_view advice = {}) {
    // If something is missing at the end, the error's place is after the last word.
    if (position == text_.size()) position = text_.find_last_not_of(kSpace) + 1;
    if (!error_) error_ = filter_error(text_, position, why, advice);
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
  bool parse_operator(Comparison& comparison);
  bool parse_values(Comparison& comparison);
  bool parse_value(Comparison& comparison);
  bool parse_raw_value(std::string& value);
  bool parse_quoted(std::string& value);
  bool parse_escape(std::string& value);
  bool add_number(Comparison& comparison, std::string_view value, std::size_t position);

  std::string_view text_;
  FieldTable fields_;
  std::size_t position_ = 0;
  std::size_t depth_ = 0;
  Expression expression_;
  std::optional<FilterError> error_;
};

bool Parser::check_text() {
  if (text_.size() > kMaxFilterLength)
    return fail(kMaxFilterLength,
                fmt::format("it has {} bytes, of at most {}", text_.size(), kMaxFilterLength));
  for (std::size_t i = 0; i < text_.size();) {
    const std::size_t length = utf8_length(text_.substr(i));
    const auto byte = static_cast<unsigned char>(text_[i]);
    const bool control = (byte < 0x20 && !is_space(text_[i])) || byte == 0x7f;
    if (length == 0 || control)
      return fail(i, length == 0 ? "this is not UTF-8" : "this is a control character",
                  fmt::format("Write \"\\x{:02x}\", in quotes", byte));
    i += length;
  }
  return true;
}

bool Parser::check_end() {
  skip_space();
  if (at_end()) return true;
  if (rest().starts_with(')')) return fail(position_, "there is no '(' for this ')'");
  const bool is_exists = !expression_.comparisons.empty() && word_at(position_) == "exists";
  return fail(position_, fmt::format("expected 'and' or 'or', not {}", named(token())),
              is_exists ? "exists stands alone behind a field" : advice_for(rest(), kForeignConnectives));
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
    return fail(opened, fmt::format("parentheses stand in each other more than {} deep", kMaxFilterDepth));
  if (!parse_or(node)) return false;
  --depth_;
  if (take(')')) return true;
  if (at_end()) return fail(opened, "this '(' is never closed");
  return fail(position_, fmt::format("expected 'and', 'or' or ')', not {}", named(token())),
              advice_for(rest(), kForeignConnectives));
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
    if (at_end()) return fail(begin, empty ? "it is empty" : "it ends where a field should be");
    return fail(begin, fmt::format("expected a field, not {}", named(token())),
                advice_for(rest(), kForeignBeginnings));
  }
  position_ += word.size();
  while (rest().starts_with('.') && !word_at(position_ + 1).empty())
    position_ += 1 + word_at(position_ + 1).size();
  const std::string_view name = text_.substr(begin, position_ - begin);
  comparison.field = find_field(fields_, name);
  if (comparison.field == nullptr) {
    std::string advice = advice_for(text_.substr(begin), kForeignBeginnings);
    if (advice.empty()) advice = suggest_field(fields_, name);
    return fail(begin, fmt::format("there is no field {}", named(name)), advice);
  }
  if (!rest().starts_with('[')) return true;

  const std::size_t bracket = position_++;
  if (comparison.field->argument.empty())
    return fail(bracket, fmt::format("'{}' takes nothing in brackets", name));
  if (rest().starts_with('"') || rest().starts_with('\'')) {
    if (!parse_quoted(comparison.argument)) return false;
  } else {
    const std::size_t end = std::min(text_.find_first_of("[]\"' \t\r\n", position_), text_.size());
    comparison.argument = text_.substr(position_, end - position_);
    position_ = end;
  }
  if (comparison.argument.empty())
    return fail(bracket + 1, fmt::format("there is nothing in the brackets of '{}'", name),
                fmt::format("Write {}[{}]", name, comparison.field->argument));
  if (!rest().starts_with(']')) return fail(position_, "expected a ']'");
  ++position_;
  return true;
}

bool Parser::parse_operator(Comparison& comparison) {
  skip_space();
  const Field& field = *comparison.field;
  const std::string usual = fmt::format("'{}' can be compared with: {}", field.name, operators_on(field));
  if (at_end()) return fail(position_, fmt::format("it ends where an operator should be"), usual);

  // Finds the longest operator that matches; a word must match as a whole.
  const std::string_view word = word_at(position_);
  const OperatorInfo* found = nullptr;
  for (const OperatorInfo& info : operators()) {
    const bool fits = word.empty() ? rest().starts_with(info.name) : word == info.name;
    if (fits && (found == nullptr || info.name.size() > found->name.size())) found = &info;
  }
  std::string advice = advice_for(rest(), kForeignOperators);
  if (found == nullptr || !advice.empty()) {
    if (!word.empty() && word.size() <= kMaxName && advice.empty()) {
      const auto edits = [&](const OperatorInfo& info) { return edit_distance(info.name, word); };
      const auto& nearest = *std::ranges::min_element(operators(), {}, edits);
      if (edits(nearest) <= max_edits(word)) advice = fmt::format("Did you mean '{}'?", nearest.name);
    }
    std::size_t symbols = 0;  // as many as could be meant as one operator
    while (symbols < 2 && symbols < rest().size() &&
           std::string_view("=!<>~:").find(rest()[symbols]) != std::string_view::npos)
      ++symbols;
    const std::string_view culprit = !word.empty() ? word : symbols > 0 ? rest().substr(0, symbols) : token();
    return fail(position_, fmt::format("there is no operator {}", named(culprit)),
                advice.empty() ? usual : advice);
  }
  if (field.type == FieldType::Text ? !found->on_text : !found->on_numbers)
    return fail(position_,
                fmt::format("'{}' compares no {}", found->name,
                            field.type == FieldType::Text     ? "texts"
                            : field.type == FieldType::Number ? "numbers"
                            : field.type == FieldType::Name   ? "names"
                                                              : "times"),
                usual);
  comparison.op = found->op;
  position_ += found->name.size();
  return true;
}

bool Parser::parse_values(Comparison& comparison) {
  if (comparison.op == Operator::Exists) return true;
  skip_space();
  comparison.value_position = position_;
  if (comparison.op != Operator::In) return parse_value(comparison);
  if (!take('('))
    return fail(position_, "the values of 'in' stand in parentheses",
                fmt::format("Write {} in (…, …)", comparison.field->name));
  const std::size_t opened = position_ - 1;
  std::size_t count = 0;
  do {
    skip_space();
    if (++count > kMaxFilterValues)
      return fail(position_, fmt::format("'in' takes at most {} values", kMaxFilterValues));
    if (!parse_value(comparison)) return false;
  } while (take(','));
  if (take(')')) return true;
  if (at_end()) return fail(opened, "this '(' is never closed");
  return fail(position_, fmt::format("expected ',' or ')', not {}", named(token())));
}

bool Parser::parse_value(Comparison& comparison) {
  skip_space();
  const std::size_t begin = position_;
  if (const auto warning = lint_value(comparison, rest())) return fail(begin, warning->why, warning->advice);
  std::string value;
  if (!parse_raw_value(value)) return false;
  if (comparison.field->type != FieldType::Text) return add_number(comparison, value, begin);
  comparison.texts.push_back(std::move(value));
  return true;
}

bool Parser::parse_raw_value(std::string& value) {
  if (at_end()) return fail(position_, "it ends where a value should be");
  if (rest().starts_with('"') || rest().starts_with('\'')) return parse_quoted(value);
  std::size_t end = position_;
  while (end < text_.size() && !ends_bare_word(text_[end])) ++end;
  value = text_.substr(position_, end - position_);
  if (value.empty())
    return fail(position_, fmt::format("expected a value, not {}", named(token().substr(0, 1))),
                rest().starts_with('(') ? "Several values stand behind in: program in (sshd, sudo)" : "");
  if (value == "and" || value == "or" || value == "not")
    return fail(position_, fmt::format("expected a value, not {}", named(value)),
                "A value that is meant so stands in quotes");
  if (text_.substr(end).starts_with('=')) return fail(end, "a value with a '=' in it stands in quotes");
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
  if (at_end()) return fail(opened, fmt::format("this {} is never closed", quote));
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
      if (error != std::errc() || end != digits + 2)
        return fail(backslash, "\\x takes two hexadecimal digits");
      value += static_cast<char>(byte);
      position_ += 2;
      return true;
    }
    default:
      return fail(backslash, "no such escape: there are \\\\ \\\" \\' \\n \\r \\t \\xNN",
                  "For a backslash write \\\\, or leave the quotes away");
  }
}

bool Parser::add_number(Comparison& comparison, std::string_view value, std::size_t position) {
  const Field& field = *comparison.field;
  NumberValue number;
  std::string advice;
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
    advice = fmt::format("'{}' is a number from -2^63 to 2^63-1, such as 4096, -2 or 0x1f", field.name);
  } else if (field.type == FieldType::Time) {
    number = parse_time(value);
    advice = "A time is 2026-01-31, or 2026-01-31T12:00:00.5Z, or +02:00 instead of Z";
  } else {
    number = named_value(field, value);
    const auto edits = [&](const NamedValue& one) { return edit_distance(one.name, value); };
    if (!number && value.size() <= kMaxName) {
      const auto nearest = std::ranges::min_element(field.names, {}, edits);
      if (nearest != field.names.end() && edits(*nearest) <= max_edits(value))
        advice = fmt::format("Did you mean '{}'?", nearest->name);
    }
    if (advice.empty()) {
      std::string names;
      for (const NamedValue& one : field.names) {
        if (name_of(field, one.value) == one.name) names.append(names.empty() ? "" : " ").append(one.name);
      }
      advice = fmt::format("It is one of: {}", names);
    }
  }
  if (!number) return fail(position, fmt::format("{} is no {}", named(value), field.name), advice);
  comparison.numbers.push_back(*number);
  return true;
}

}  // namespace

std::expected<Expression, FilterError> parse_filter(std::string_view text, FieldTable fields) {
  return Parser(text, fields).parse();
}

}  // namespace slurper
