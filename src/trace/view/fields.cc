#include "trace/view/fields.h"

#include <vector>

namespace slurper {

FieldsOf<ShownEvent> trace_fields() {
  static const auto all = [] {
    std::vector<Field> fields;
    for (const auto part : {event_fields(), process_fields(), fd_fields()})
      fields.insert(fields.end(), part.begin(), part.end());
    return fields;
  }();
  return FieldsOf<ShownEvent>(all);
}

bool append_field(std::string& out, const ShownEvent& event, const Field& field, std::string_view argument) {
  if (field.text != nullptr) {
    const TextValue value = field.text(&event, argument);
    if (!value) return false;
    // The data is the only text that is not yet made for the eye.
    if (field.name == "evt.buffer") {
      append_data(out, *value, event.options);
    } else {
      out += *value;
    }
    return true;
  }
  if (field.number == nullptr) return false;
  const NumberValue value = field.number(&event, argument);
  if (!value) return false;
  const std::string_view name = field.type == FieldType::Name ? name_of(field, *value) : std::string_view();
  if (name.empty()) {
    append_number(out, *value);
  } else {
    out += name;
  }
  return true;
}

}  // namespace slurper
