#include "filter/expression.h"

#include <fmt/format.h>

#include <array>

#include "filter/literal.h"

namespace slurper {

namespace {

constexpr std::array kOperators = {
    OperatorInfo{Operator::Equal, "=", true, true},
    OperatorInfo{Operator::NotEqual, "!=", true, true},
    OperatorInfo{Operator::Less, "<", false, true},
    OperatorInfo{Operator::LessEqual, "<=", false, true},
    OperatorInfo{Operator::Greater, ">", false, true},
    OperatorInfo{Operator::GreaterEqual, ">=", false, true},
    OperatorInfo{Operator::Contains, "contains", true, false},
    OperatorInfo{Operator::IContains, "icontains", true, false},
    OperatorInfo{Operator::StartsWith, "startswith", true, false},
    OperatorInfo{Operator::EndsWith, "endswith", true, false},
    OperatorInfo{Operator::Glob, "glob", true, false},
    OperatorInfo{Operator::Matches, "matches", true, false},
    OperatorInfo{Operator::In, "in", true, true},
    OperatorInfo{Operator::Exists, "exists", true, true},
    OperatorInfo{Operator::PathMatch, "pmatch", true, false},
};
constexpr std::size_t kOfLines = static_cast<std::size_t>(Operator::PathMatch);

std::string number_literal(const Field& field, std::int64_t value) {
  if (field.type == FieldType::Time) return time_literal(value);
  return field.type == FieldType::Name ? std::string(name_of(field, value)) : std::to_string(value);
}

void append_field(std::string& out, const Field& field, const std::string& argument) {
  out += field.name;
  if (!argument.empty()) out += fmt::format("[{}]", text_literal(argument));
}

void append(std::string& out, const Comparison& comparison) {
  append_field(out, *comparison.field, comparison.argument);
  out += fmt::format(" {}", name_of(comparison.op));
  if (comparison.op == Operator::Exists) return;
  if (comparison.other != nullptr) {
    out += ' ';
    return append_field(out, *comparison.other, comparison.other_argument);
  }
  std::string values;
  const auto add = [&](const std::string& value) { values.append(values.empty() ? "" : ", ").append(value); };
  for (const std::string& text : comparison.texts) add(text_literal(text));
  for (const std::int64_t number : comparison.numbers) add(number_literal(*comparison.field, number));
  out += takes_list(comparison.op) ? fmt::format(" ({})", values) : ' ' + values;
}

void append(std::string& out, const Expression& expression, const Node& node);

// Uses parentheses if `node` binds less tightly than its parent.
void append_child(std::string& out, const Expression& expression, const Node& node, Node::Kind parent) {
  const bool looser =
      node.kind == Node::Kind::Or || (node.kind == Node::Kind::And && parent == Node::Kind::Not);
  if (looser) out += '(';
  append(out, expression, node);
  if (looser) out += ')';
}

void append(std::string& out, const Expression& expression, const Node& node) {
  if (node.kind == Node::Kind::Comparison) {
    append(out, expression.comparisons[node.first_comparison]);
    return;
  }
  if (node.kind == Node::Kind::Not) out += "not ";
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += node.kind == Node::Kind::And ? " and " : " or ";
    append_child(out, expression, node.children[i], node.kind);
  }
}

}  // namespace

std::span<const OperatorInfo> operators(Dialect dialect) {
  return std::span(kOperators).first(dialect == Dialect::Lines ? kOfLines : kOperators.size());
}

std::string_view name_of(Operator op) {
  return kOperators.at(static_cast<std::size_t>(op)).name;
}

std::string to_text(const Expression& expression) {
  std::string out;
  append(out, expression, expression.root);
  return out;
}

}  // namespace slurper
