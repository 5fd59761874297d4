// Expression: a filter as it was written, with each comparison checked against the fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/field_table.h"

namespace slurper {

enum class Operator : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Contains,
  IContains,
  StartsWith,
  EndsWith,
  Glob,
  Matches,
  In,
  Exists,
  // Of the dialect of events alone.
  PathMatch,
};

struct OperatorInfo {
  Operator op;
  std::string_view name;  // as it is written
  bool on_text;
  bool on_numbers;  // on Number, Name and Time
};

// All operators, in the order in which a reader should meet them, which is that of Operator.
[[nodiscard]] std::span<const OperatorInfo> operators(Dialect dialect = Dialect::Lines);
[[nodiscard]] std::string_view name_of(Operator op);
// Whether the values stand in parentheses.
[[nodiscard]] constexpr bool takes_list(Operator op) {
  return op == Operator::In || op == Operator::PathMatch;
}

struct Comparison {
  const Field* field = nullptr;
  std::string argument;
  Operator op = Operator::Exists;
  // The values: one; none for exists; any number for in. The field's type decides which of the two is used.
  std::vector<std::string> texts;
  std::vector<std::int64_t> numbers;
  // The field that is compared with, instead of a value; of numbers only.
  const Field* other = nullptr;
  std::string other_argument = {};
  // The position of the value in the filter's text, for errors that occur only when the filter is compiled.
  std::size_t value_position = 0;
};

// Children are in the order of the text. An And has no And as a child, an Or no Or, a Not no Not.
struct Node {
  enum class Kind : std::uint8_t { Comparison, And, Or, Not };
  Kind kind = Kind::Comparison;
  std::vector<Node> children;
  // Its first comparison, in Expression::comparisons, which are in the order of the text.
  std::size_t first_comparison = 0;
};

struct Expression {
  Node root;
  std::vector<Comparison> comparisons;
};

// The text that parses to the same expression, in one spelling: `slurper check` shows it.
[[nodiscard]] std::string to_text(const Expression& expression);

}  // namespace slurper
