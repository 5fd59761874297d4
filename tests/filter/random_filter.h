// Random filters, each with the plainest possible way to say what it wants. For tests.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filter/literal.h"
#include "slurper/record.h"

namespace slurper {

struct RandomFilter {
  std::string text;
  std::function<bool(const SyslogHeader&, std::string_view raw)> wants;
};

class RandomFilters {
 public:
  explicit RandomFilters(unsigned seed) : random_(seed) {}

  // Parentheses wherever they may stand, and wherever they must.
  RandomFilter next(int depth) {
    const std::size_t kind = depth == 0 ? 0 : below(4);
    if (kind == 0) return comparison();
    RandomFilter a = next(depth - 1);
    if (kind == 1) return {"not (" + a.text + ")", [a](auto& h, auto raw) { return !a.wants(h, raw); }};
    RandomFilter b = next(depth - 1);
    RandomFilter c = next(depth - 1);
    if (kind == 2)
      return {"(" + a.text + ") and (" + b.text + ")and(" + c.text + ")",
              [a, b, c](auto& h, auto raw) { return a.wants(h, raw) && b.wants(h, raw) && c.wants(h, raw); }};
    return {"(" + a.text + ") or ((" + b.text + ") and (" + c.text + "))",
            [a, b, c](auto& h, auto raw) { return a.wants(h, raw) || (b.wants(h, raw) && c.wants(h, raw)); }};
  }

  // Few letters, so that they meet; a NUL, a byte that is not UTF-8 and a quote among them.
  std::string some_text(std::size_t max) {
    static constexpr std::string_view kLetters{"aab\0\xff\"", 6};
    std::string text(below(max + 1), ' ');
    for (char& c : text) c = kLetters[below(kLetters.size())];
    return text;
  }
  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  using Text = std::string_view SyslogHeader::*;

  RandomFilter comparison() {
    if (below(4) == 0) return severity();
    static const std::vector<std::pair<std::string_view, Text>> fields = {
        {"host", &SyslogHeader::host},
        {"program", &SyslogHeader::program},
        {"msgid", &SyslogHeader::message_id},
        {"msg", &SyslogHeader::message}};
    const auto [name, field] = fields[below(fields.size())];
    const std::string operand = some_text(4);
    using Predicate = bool (*)(std::string_view, const std::string&);
    static const std::vector<std::pair<std::string_view, Predicate>> operators = {
        {"=", [](auto a, auto& b) { return a == b; }},
        {"!=", [](auto a, auto& b) { return a != b; }},
        {"contains", [](auto a, auto& b) { return a.find(b) != a.npos; }},
        {"icontains", [](auto a, auto& b) { return a.find(b) != a.npos; }},
        {"startswith", [](auto a, auto& b) { return a.substr(0, b.size()) == b; }},
        {"endswith",
         [](auto a, auto& b) { return a.size() >= b.size() && a.substr(a.size() - b.size()) == b; }},
        {"glob", [](auto a, auto& b) { return a == b; }},
        {"matches", [](auto a, auto& b) { return a.find(b) != a.npos; }},
        {"in", [](auto a, auto& b) { return a == b || a == "a" || a.empty(); }},
        {"exists", [](auto, auto&) { return true; }}};
    const auto [op, predicate] = operators[below(operators.size())];
    std::string text = fmt::format("{} {} ", name, op);
    if (op == "in") text += fmt::format("(\"\",{}, a)", text_literal(operand));
    if (op != "in" && op != "exists") text += text_literal(operand);
    return {text, [field, predicate, operand](const SyslogHeader& header, std::string_view) {
              const bool exists = field == &SyslogHeader::message || !(header.*field).empty();
              return exists && predicate(header.*field, operand);
            }};
  }

  RandomFilter severity() {
    using Predicate = bool (*)(int, int);
    static const std::vector<std::pair<std::string_view, Predicate>> operators = {
        {"=", [](int a, int b) { return a == b; }}, {"!=", [](int a, int b) { return a != b; }},
        {"<", [](int a, int b) { return a < b; }},  {"<=", [](int a, int b) { return a <= b; }},
        {">", [](int a, int b) { return a > b; }},  {">=", [](int a, int b) { return a >= b; }}};
    const auto [op, predicate] = operators[below(operators.size())];
    const int operand = static_cast<int>(below(8));
    const auto wants = [predicate, operand](const SyslogHeader& header, std::string_view raw) {
      return header.severity && predicate(*header.severity, operand) && !raw.empty();
    };
    return {fmt::format("length > 0 and severity {} {}", op, operand), wants};
  }

  std::mt19937 random_;
};

}  // namespace slurper
