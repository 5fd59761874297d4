// FieldTable: the fields of an event that a filter can use. The language knows nothing else of events: log
// records have a table (record_fields.h), and every other type of event brings its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "slurper/result.h"

namespace slurper {

enum class FieldType : std::uint8_t {
  Text,    // any bytes
  Number,  // a signed integer
  Name,    // a number that users know by its names, such as a severity
  Time,    // nanoseconds since 1970, UTC
};

struct NamedValue {
  std::string_view name;
  std::int64_t value = 0;
};

// Empty if the event does not have the field. The view lives as long as the event.
using TextValue = std::optional<std::string_view>;
using NumberValue = std::optional<std::int64_t>;

// Receives one of several values, which lives as long as the event. Returns false if no more are wanted.
struct TextVisitor {
  bool (*visit)(void* context, std::string_view value);
  void* context;
  bool operator()(std::string_view value) const { return visit(context, value); }
};

struct NumberVisitor {
  bool (*visit)(void* context, std::int64_t value);
  void* context;
  bool operator()(std::int64_t value) const { return visit(context, value); }
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::Text;
  std::string_view help;  // one line
  // The first name of a value is the one to show; other names of the same value are accepted, too.
  std::span<const NamedValue> names = {};
  // What may stand in brackets after the name, as in sd[ID.param]. The accessor receives it, or an empty text
  // if there are no brackets. If this is empty, the field has no brackets.
  std::string_view argument = {};
  // Whether the argument may also follow a point: evt.arg.name is evt.arg[name].
  bool dotted = false;
  // Other names that users try, separated by blanks: for advice only.
  std::string_view also = {};
  // The accessor: `text` or `texts` of a Text field, `number` of every other. Any thread may call it, for
  // events that no other thread uses at the time.
  TextValue (*text)(const void* event, std::string_view argument) = nullptr;
  // For a field that an event may have several times. A comparison holds if it holds for one of the values;
  // != holds if there are values and it holds for all.
  void (*texts)(const void* event, std::string_view argument, TextVisitor visit) = nullptr;
  NumberValue (*number)(const void* event, std::string_view argument) = nullptr;
  void (*numbers)(const void* event, std::string_view argument, NumberVisitor visit) = nullptr;
};

// All fields, in the order in which a reader should meet them. The objects that it is made from outlive it.
using FieldTable = std::span<const Field>;

// The fields of events of one type: the accessors take no others.
template <typename Event>
class FieldsOf {
 public:
  constexpr explicit FieldsOf(FieldTable table) : table_(table) {}
  [[nodiscard]] constexpr FieldTable table() const { return table_; }

 private:
  FieldTable table_;
};

template <typename Event, auto kAccessor>
constexpr Field with_one_value(Field field) {
  constexpr auto kCall = [](const void* event, std::string_view argument) {
    const auto& typed = *static_cast<const Event*>(event);
    if constexpr (requires { kAccessor(typed, argument); }) {
      return kAccessor(typed, argument);
    } else {
      return kAccessor(typed);
    }
  };
  if constexpr (requires { field.text = kCall; }) {
    field.text = kCall;
  } else {
    field.number = kCall;
  }
  return field;
}

// `field` with an accessor that takes the event, or the event and the argument, or these and a TextVisitor or
// a NumberVisitor.
template <typename Event, auto kAccessor>
constexpr Field with_accessor(Field field) {
  if constexpr (requires(const Event& event, TextVisitor visit) {
                  kAccessor(event, std::string_view(), visit);
                }) {
    field.texts = [](const void* event, std::string_view argument, TextVisitor visit) {
      kAccessor(*static_cast<const Event*>(event), argument, visit);
    };
    return field;
  } else if constexpr (requires(const Event& event, NumberVisitor visit) {
                         kAccessor(event, std::string_view(), visit);
                       }) {
    field.numbers = [](const void* event, std::string_view argument, NumberVisitor visit) {
      kAccessor(*static_cast<const Event*>(event), argument, visit);
    };
    return field;
  } else {
    return with_one_value<Event, kAccessor>(field);
  }
}

// The language of a filter. That of events has more operators, which are sysdig's, and compares fields with
// fields.
enum class Dialect : std::uint8_t { Lines, Events };

// The field with that name, or nullptr.
[[nodiscard]] const Field* find_field(FieldTable table, std::string_view name);

// Advice on a name that is no field: "Did you mean 'program'?", or a list of the fields.
[[nodiscard]] Phrase suggest_field(FieldTable table, std::string_view name);

// The value with that name, or with that number in digits, if the field has it.
[[nodiscard]] NumberValue named_value(const Field& field, std::string_view text);

// The name to show; empty if the value has none.
[[nodiscard]] std::string_view name_of(const Field& field, std::int64_t value);

}  // namespace slurper
