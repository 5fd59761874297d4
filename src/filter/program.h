// Program: an expression that is compiled to test millions of events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/expression.h"
#include "filter/filter_error.h"

namespace slurper {

inline constexpr std::size_t kMaxFilterRegexes = 64;  // in one filter: each may take Regex::kMaxMemory

// The comparisons in the order of the text, each with the next step if it holds and the next step if it does
// not. So `and`, `or` and `not` cost nothing more, and needless comparisons are skipped. Once made, a program
// does not change, and matches() allocates nothing (but see Regex): any number of threads may call it at the
// same time.
class Program {
 public:
  // One comparison.
  class Test {
   public:
    Test() = default;
    Test(const Test&) = delete;
    Test& operator=(const Test&) = delete;
    virtual ~Test() = default;
    [[nodiscard]] virtual bool holds(const void* event) const = 0;
  };

  [[nodiscard]] static std::expected<Program, FilterError> compile(std::string_view text, FieldTable fields,
                                                                   Dialect dialect = Dialect::Lines);

  // `event` is of the type that the fields' accessors take.
  [[nodiscard]] bool matches(const void* event) const;

  // The filter in its one spelling; compiles to the same program.
  [[nodiscard]] const std::string& text() const { return text_; }
  // The part of the filter that is never true, such as length > 9 and length < 5: worth a warning.
  [[nodiscard]] const std::optional<FilterError>& warning() const { return warning_; }

 private:
  struct Step {
    std::unique_ptr<const Test> test;
    std::uint32_t when_true = 0;
    std::uint32_t when_false = 0;
  };

  void link(const Node& node, std::uint32_t when_true, std::uint32_t when_false);

  std::vector<Step> steps_;
  std::string text_;
  std::optional<FilterError> warning_;
};

}  // namespace slurper
