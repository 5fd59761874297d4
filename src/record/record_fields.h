// The fields of a record that a filter can use.
#pragma once

#include "filter/field_table.h"
#include "filter/filter.h"
#include "slurper/record.h"

namespace slurper {

// Only the fields of the line's header cause it to be parsed. What the table points to is never freed.
[[nodiscard]] FieldsOf<Record> record_fields();

using RecordFilter = Filter<Record>;

}  // namespace slurper
