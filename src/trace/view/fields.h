// The fields of events, for filters and formats: sysdig's names, and slurper's own.
#pragma once

#include <span>

#include "filter/filter.h"
#include "trace/view/shown_event.h"

namespace slurper {

using TraceFilter = Filter<ShownEvent>;

// All fields, in the order in which a reader should meet them.
[[nodiscard]] FieldsOf<ShownEvent> trace_fields();

// The three parts of the table.
[[nodiscard]] std::span<const Field> event_fields();
[[nodiscard]] std::span<const Field> process_fields();
[[nodiscard]] std::span<const Field> fd_fields();

// Appends the field's value as a line has it. False if the event has none.
bool append_field(std::string& out, const ShownEvent& event, const Field& field, std::string_view argument);

inline constexpr NamedValue kBooleans[] = {{"false", 0}, {"true", 1}};

}  // namespace slurper
