#include "filter/program.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "filter/bytes.h"
#include "filter/lint.h"
#include "filter/parser.h"
#include "filter/regex.h"

namespace slurper {

namespace {

// These steps are no steps: they are the filter's answer.
constexpr std::uint32_t kAccept = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kReject = kAccept - 1;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

// Whether `predicate` holds for the field's value. False if the event lacks the field.
template <typename Predicate>
class TextTest : public Program::Test {
 public:
  TextTest(const Comparison& comparison, Predicate predicate)
      : get_(comparison.field->text), argument_(comparison.argument), predicate_(std::move(predicate)) {}
  [[nodiscard]] bool holds(const void* event) const override {
    const TextValue value = get_(event, argument_);
    return value && predicate_(*value);
  }

 private:
  decltype(Field::text) get_;
  std::string argument_;
  Predicate predicate_;
};

// For a field that an event may have several times: whether `predicate` holds for one of the values, or for
// each of them if `all`. False if there are no values.
template <typename Predicate>
class TextsTest : public Program::Test {
 public:
  TextsTest(const Comparison& comparison, Predicate predicate, bool all)
      : get_(comparison.field->texts),
        argument_(comparison.argument),
        predicate_(std::move(predicate)),
        all_(all) {}
  [[nodiscard]] bool holds(const void* event) const override {
    Asking asking{.test = *this};
    get_(event, argument_, {.visit = &ask, .context = &asking});
    return asking.answer;
  }

 private:
  struct Asking {
    const TextsTest& test;
    bool answer = false;
  };
  static bool ask(void* context, std::string_view value) {
    auto& asking = *static_cast<Asking*>(context);
    asking.answer = asking.test.predicate_(value);
    return asking.answer == asking.test.all_;  // the next value may change it
  }

  decltype(Field::texts) get_;
  std::string argument_;
  Predicate predicate_;
  bool all_;
};

template <typename Predicate>
class NumberTest : public Program::Test {
 public:
  NumberTest(const Comparison& comparison, Predicate predicate)
      : get_(comparison.field->number), argument_(comparison.argument), predicate_(std::move(predicate)) {}
  [[nodiscard]] bool holds(const void* event) const override {
    const NumberValue value = get_(event, argument_);
    return value && predicate_(*value);
  }

 private:
  decltype(Field::number) get_;
  std::string argument_;
  Predicate predicate_;
};

// Whether `predicate` holds for one of several numbers; for `all` of them if it is !=.
template <typename Predicate>
class NumbersTest : public Program::Test {
 public:
  NumbersTest(const Comparison& comparison, Predicate predicate)
      : get_(comparison.field->numbers),
        argument_(comparison.argument),
        predicate_(std::move(predicate)),
        all_(comparison.op == Operator::NotEqual) {}
  [[nodiscard]] bool holds(const void* event) const override {
    Asking asking{.test = *this};
    get_(event, argument_, {.visit = &ask, .context = &asking});
    return asking.answer;
  }

 private:
  struct Asking {
    const NumbersTest& test;
    bool answer = false;
  };
  static bool ask(void* context, std::int64_t value) {
    auto& asking = *static_cast<Asking*>(context);
    asking.answer = asking.test.predicate_(value);
    return asking.answer == asking.test.all_;  // the next value may change it
  }

  decltype(Field::numbers) get_;
  std::string argument_;
  Predicate predicate_;
  bool all_;
};

// Compares two fields that are numbers. False if the event lacks one of them.
class FieldsTest : public Program::Test {
 public:
  explicit FieldsTest(const Comparison& comparison)
      : get_(comparison.field->number),
        other_(comparison.other->number),
        argument_(comparison.argument),
        other_argument_(comparison.other_argument),
        op_(comparison.op) {}
  [[nodiscard]] bool holds(const void* event) const override {
    const NumberValue one = get_(event, argument_);
    const NumberValue two = other_(event, other_argument_);
    if (!one || !two) return false;
    switch (op_) {
      case Operator::Equal:
        return *one == *two;
      case Operator::NotEqual:
        return *one != *two;
      case Operator::Less:
        return *one < *two;
      case Operator::LessEqual:
        return *one <= *two;
      case Operator::Greater:
        return *one > *two;
      default:
        return *one >= *two;
    }
  }

 private:
  decltype(Field::number) get_;
  decltype(Field::number) other_;
  std::string argument_;
  std::string other_argument_;
  Operator op_;
};

using TestPointer = std::unique_ptr<const Program::Test>;

template <typename Predicate>
TestPointer text_test(const Comparison& comparison, Predicate predicate) {
  if (comparison.field->texts != nullptr)
    return std::make_unique<TextsTest<Predicate>>(comparison, std::move(predicate),
                                                  comparison.op == Operator::NotEqual);
  return std::make_unique<TextTest<Predicate>>(comparison, std::move(predicate));
}

template <typename Predicate>
TestPointer number_test(const Comparison& comparison, Predicate predicate) {
  if (comparison.field->numbers != nullptr)
    return std::make_unique<NumbersTest<Predicate>>(comparison, std::move(predicate));
  return std::make_unique<NumberTest<Predicate>>(comparison, std::move(predicate));
}

// Sorts texts by length, then by bytes: a search among them mostly compares lengths.
struct ShorterFirst {
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

TestPointer number_range(const Comparison& comparison, std::int64_t low, std::int64_t high) {
  return number_test(comparison, [=](std::int64_t value) { return value >= low && value <= high; });
}

TestPointer make_number_test(const Comparison& comparison) {
  if (comparison.other != nullptr) return std::make_unique<FieldsTest>(comparison);
  if (comparison.op == Operator::Exists) return number_range(comparison, kLowest, kHighest);
  const std::int64_t operand = comparison.numbers.front();
  switch (comparison.op) {
    case Operator::Equal:
      return number_range(comparison, operand, operand);
    case Operator::NotEqual:
      return number_test(comparison, [=](std::int64_t value) { return value != operand; });
    case Operator::Less:
      return number_test(comparison, [=](std::int64_t value) { return value < operand; });
    case Operator::LessEqual:
      return number_range(comparison, kLowest, operand);
    case Operator::Greater:
      return number_test(comparison, [=](std::int64_t value) { return value > operand; });
    case Operator::GreaterEqual:
      return number_range(comparison, operand, kHighest);
    default: {
      std::vector<std::int64_t> sorted = comparison.numbers;
      std::ranges::sort(sorted);
      return number_test(comparison, [sorted = std::move(sorted)](std::int64_t value) {
        return std::ranges::binary_search(sorted, value);
      });
    }
  }
}

TestPointer make_text_test(const Comparison& comparison) {
  using View = std::string_view;
  if (comparison.op == Operator::Exists) return text_test(comparison, [](View) { return true; });
  const std::string& operand = comparison.texts.front();
  switch (comparison.op) {
    case Operator::Equal:
      return text_test(comparison, [operand](View value) { return value == operand; });
    case Operator::NotEqual:
      return text_test(comparison, [operand](View value) { return value != operand; });
    case Operator::Contains:
      return text_test(comparison, [operand](View value) { return contains(value, operand); });
    case Operator::IContains:
      return text_test(comparison, [part = FoldedPart(operand)](View value) { return part.is_in(value); });
    case Operator::StartsWith:
      return text_test(comparison, [operand](View value) { return value.starts_with(operand); });
    case Operator::EndsWith:
      return text_test(comparison, [operand](View value) { return value.ends_with(operand); });
    case Operator::PathMatch:
      return text_test(comparison, [directories = comparison.texts](View value) {
        return std::ranges::any_of(directories, [&](View one) { return is_in_directory(value, one); });
      });
    case Operator::Glob:
      return text_test(comparison, [operand](View value) { return glob_matches(operand, value); });
    default: {
      std::vector<std::string> sorted = comparison.texts;
      std::ranges::sort(sorted, ShorterFirst());
      return text_test(comparison, [sorted = std::move(sorted)](View value) {
        return std::ranges::binary_search(sorted, value, ShorterFirst());
      });
    }
  }
}

std::expected<TestPointer, Phrase> make_matches_test(const Comparison& comparison) {
  const std::string& pattern = comparison.texts.front();
  if (Regex::is_plain(pattern)) {  // at half of the cost
    return text_test(comparison, [pattern](std::string_view value) { return contains(value, pattern); });
  }
  auto regex = Regex::compile(pattern);
  if (!regex) return std::unexpected(std::move(regex.error()));
  return text_test(comparison,
                   [regex = std::move(*regex)](std::string_view value) { return regex.is_in(value); });
}

}  // namespace

std::expected<Program, FilterError> Program::compile(std::string_view text, FieldTable fields,
                                                     Dialect dialect) {
  const auto expression = parse_filter(text, fields, dialect);
  if (!expression) return std::unexpected(expression.error());
  Program program;
  std::size_t regexes = 0;
  for (const Comparison& comparison : expression->comparisons) {
    Step& step = program.steps_.emplace_back();
    if (comparison.op == Operator::Matches) {
      if (++regexes > kMaxFilterRegexes)
        return std::unexpected(filter_error(text, comparison.value_position,
                                            {PhraseId::FilterTooManyPatterns, {{"limit", kMaxFilterRegexes}}},
                                            PhraseId::FilterJoinPatterns));
      auto test = make_matches_test(comparison);
      if (!test)
        return std::unexpected(filter_error(text, comparison.value_position, std::move(test.error())));
      step.test = std::move(*test);
    } else {
      step.test = comparison.field->type == FieldType::Text ? make_text_test(comparison)
                                                            : make_number_test(comparison);
    }
  }
  if (const auto warning = lint_never_true(*expression))
    program.warning_ = filter_error(text, warning->position, warning->why, warning->advice);
  program.link(expression->root, kAccept, kReject);
  program.text_ = to_text(*expression);
  return program;
}

// Sets where each comparison of `node` leads, if `node` is to lead to these two.
void Program::link(const Node& node, std::uint32_t when_true, std::uint32_t when_false) {
  switch (node.kind) {
    case Node::Kind::Comparison:
      steps_[node.first_comparison].when_true = when_true;
      steps_[node.first_comparison].when_false = when_false;
      return;
    case Node::Kind::Not:
      link(node.children.front(), when_false, when_true);
      return;
    case Node::Kind::And:
    case Node::Kind::Or:
      break;
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const bool is_last = i + 1 == node.children.size();
    const auto next = is_last ? 0 : static_cast<std::uint32_t>(node.children[i + 1].first_comparison);
    const bool is_and = node.kind == Node::Kind::And;
    link(node.children[i], is_and && !is_last ? next : when_true, !is_and && !is_last ? next : when_false);
  }
}

bool Program::matches(const void* event) const {
  std::uint32_t at = 0;
  while (at < kReject) {
    const Step& step = steps_[at];
    at = step.test->holds(event) ? step.when_true : step.when_false;
  }
  return at == kAccept;
}

}  // namespace slurper
