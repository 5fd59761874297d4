// Filter: which events are wanted. docs/filter.md describes the language.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "filter/field_table.h"
#include "filter/filter_error.h"
#include "filter/program.h"

namespace slurper {

// Cheap to copy; copies share what does not change. Any number of threads may use it at the same time, each
// for events of its own.
template <typename Event>
class Filter {
 public:
  [[nodiscard]] static std::expected<Filter, FilterError> compile(std::string_view text,
                                                                  const FieldsOf<Event>& fields,
                                                                  Dialect dialect = Dialect::Lines) {
    auto program = Program::compile(text, fields.table(), dialect);
    if (!program) return std::unexpected(std::move(program.error()));
    return Filter(std::make_shared<const Program>(std::move(*program)));
  }

  [[nodiscard]] bool matches(const Event& event) const { return program_->matches(&event); }

  // The filter in one spelling: if compiled again, it is the same filter with the same text.
  [[nodiscard]] const std::string& text() const { return program_->text(); }
  // The part of the filter that is never true, with its place.
  [[nodiscard]] const std::optional<FilterError>& warning() const { return program_->warning(); }

 private:
  explicit Filter(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace slurper
