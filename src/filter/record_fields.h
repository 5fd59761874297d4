// What a filter can ask of a record.
#pragma once

#include <span>

#include "filter/field_table.h"
#include "filter/filter.h"
#include "slurper/record.h"

namespace slurper {

// Only fields of the line's header have it parsed. What the table holds lives for ever.
[[nodiscard]] FieldsOf<Record> record_fields();

using RecordFilter = Filter<Record>;

// By RFC 5424's numbers, with rsyslog's names; the spellings that syslog.h calls deprecated are understood,
// too.
[[nodiscard]] std::span<const NamedValue> severity_names();
[[nodiscard]] std::span<const NamedValue> facility_names();

}  // namespace slurper
