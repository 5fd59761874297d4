// What a filter can ask of a record.
#pragma once

#include "filter/field_table.h"
#include "filter/filter.h"
#include "slurper/record.h"

namespace slurper {

// Only fields of the line's header have it parsed. What the table holds lives for ever.
[[nodiscard]] FieldsOf<Record> record_fields();

using RecordFilter = Filter<Record>;

}  // namespace slurper
