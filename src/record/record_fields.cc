#include "record/record_fields.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "record/syslog_names.h"

namespace slurper {

namespace {

// The first name of a number is the one to show, in both tables.
std::vector<NamedValue> named_values(std::span<const SyslogName> names) {
  std::vector<NamedValue> values;
  values.reserve(names.size());
  for (const SyslogName& one : names) values.push_back({.name = one.name, .value = one.number});
  return values;
}

constexpr NamedValue format_name(std::string_view name, HeaderFormat format) {
  return {name, static_cast<std::int64_t>(format)};
}
constexpr std::array kFormatNames = {
    format_name("none", HeaderFormat::None), format_name("rfc5424", HeaderFormat::Rfc5424),
    format_name("rfc3164", HeaderFormat::Rfc3164), format_name("iso", HeaderFormat::Iso)};

constexpr NamedValue part_name(std::string_view name, Part part) {
  return {name, static_cast<std::int64_t>(part)};
}
constexpr std::array kPartNames = {part_name("whole", Part::Whole), part_name("first", Part::First),
                                   part_name("middle", Part::Middle), part_name("last", Part::Last)};

NumberValue number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
NumberValue number(const std::optional<std::uint8_t>& value) {
  return value ? NumberValue(*value) : std::nullopt;
}
NumberValue nanoseconds(Timestamp time) {
  return time.time_since_epoch().count();
}
// A missing field of the header is empty.
TextValue unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : TextValue(text);
}

// The elements of structured data, one after the other: [id name="value" …][id …]
struct Element {
  std::string_view id;
  std::string_view parameters;  // the text after the id, without the ']'
};

// The length of a quoted value, up to its closing quote. `text` begins after the opening one.
std::size_t value_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i, text.size());
}

// Removes the first element from `data` and returns it. An empty id: there is none.
Element take_element(std::string_view& data) {
  if (!data.starts_with('[')) return {};
  std::size_t end = 1;
  while (end < data.size() && data[end] != ']')
    end += data[end] == '"' ? 2 + value_length(data.substr(end + 1)) : 1;
  end = std::min(end, data.size());
  const std::string_view inside = data.substr(1, end - 1);
  data.remove_prefix(std::min(end + 1, data.size()));
  const std::size_t blank = std::min(inside.find(' '), inside.size());
  return {inside.substr(0, blank), inside.substr(blank)};
}

// Visits the values with that name, which may occur several times. Returns false if no more are wanted.
bool visit_parameter(std::string_view parameters, std::string_view name, TextVisitor visit) {
  while (true) {
    while (parameters.starts_with(' ')) parameters.remove_prefix(1);
    const std::size_t equals = parameters.find("=\"");
    if (equals == std::string_view::npos) return true;
    const std::string_view found = parameters.substr(0, equals);
    parameters.remove_prefix(equals + 2);
    const std::size_t length = value_length(parameters);
    if (found == name && !visit(parameters.substr(0, length))) return false;
    parameters.remove_prefix(std::min(length + 1, parameters.size()));
  }
}

// sd: all structured data. sd[ID]: the text after the ID. sd[ID.param]: the value as it stands, with its
// escapes. An ID may contain dots, a parameter's name rarely does: the last dot separates them, unless the
// whole text is an ID. RFC 5424 lets a parameter occur several times in an element. It forbids that for an
// ID, but programs write it.
void structured_data(const Record& record, std::string_view argument, TextVisitor visit) {
  const std::string_view all = record.header().structured_data;
  if (argument.empty()) {
    if (!all.empty()) (void)visit(all);
    return;
  }
  std::string_view data = all;
  bool is_id = false;
  for (Element element = take_element(data); !element.id.empty(); element = take_element(data)) {
    if (element.id != argument) continue;
    is_id = true;
    if (!visit(element.parameters.substr(element.parameters.starts_with(' ') ? 1 : 0))) return;
  }
  const std::size_t dot = argument.rfind('.');
  if (is_id || dot == std::string_view::npos) return;
  data = all;
  for (Element element = take_element(data); !element.id.empty(); element = take_element(data)) {
    if (element.id == argument.substr(0, dot) &&
        !visit_parameter(element.parameters, argument.substr(dot + 1), visit))
      return;
  }
}

template <auto kAccessor>
constexpr Field record_field(Field field) {
  return with_accessor<Record, kAccessor>(field);
}

using R = Record;

FieldTable fields() {
  static const std::vector<NamedValue> severities = named_values(severity_names());
  static const std::vector<NamedValue> facilities = named_values(facility_names());
  static const std::array all = {
      record_field<[](const R& r) { return unless_empty(r.header().program); }>(
          {.name = "program",
           .help = "the program's name; of sshd[123]: it is sshd",
           .also = "tag app appname app_name ident process programname proc.name"}),
      record_field<[](const R& r) { return TextValue(r.header().message); }>(
          {.name = "msg",
           .help = "what stands behind the header; all of it where there is none",
           .also = "message text content body"}),
      record_field<[](const R& r) { return number(r.header().severity); }>(
          {.name = "severity",
           .type = FieldType::Name,
           .help = "emerg (0) to debug (7): <= warning is warning and worse",
           .names = severities,
           .also = "level priority sev prio pri"}),
      record_field<[](const R& r) { return number(r.header().facility); }>({.name = "facility",
                                                                            .type = FieldType::Name,
                                                                            .help = "kern (0) to local7 (23)",
                                                                            .names = facilities,
                                                                            .also = "fac"}),
      record_field<[](const R& r) { return unless_empty(r.header().host); }>(
          {.name = "host", .help = "the host that the line names", .also = "hostname source"}),
      record_field<[](const R& r) { return unless_empty(r.header().pid); }>(
          {.name = "pid", .help = "the process; a text, and mostly a number", .also = "procid proc.pid"}),
      record_field<[](const R& r) { return unless_empty(r.header().message_id); }>(
          {.name = "msgid", .help = "RFC 5424's MSGID", .also = "message_id mid"}),
      record_field<structured_data>(
          {.name = "sd",
           .help = "RFC 5424's structured data as it stands, or one parameter of it",
           .argument = "ID.param",
           .also = "structured_data sdata"}),
      record_field<[](const R& r) {
        return r.header().timestamp ? nanoseconds(*r.header().timestamp) : std::nullopt;
      }>({.name = "time",
          .type = FieldType::Time,
          .help = "the time that the line names",
          .also = "timestamp date evt.time"}),
      record_field<[](const R& r) { return nanoseconds(r.arrival()); }>(
          {.name = "arrival",
           .type = FieldType::Time,
           .help = "when slurper read it, within a second",
           .also = "received arrived"}),
      record_field<[](const R& r) { return TextValue(r.raw()); }>(
          {.name = "raw", .help = "the whole line, without its end", .also = "line rawmsg record"}),
      record_field<[](const R& r) { return number(r.raw().size()); }>(
          {.name = "length", .type = FieldType::Number, .help = "of raw, in bytes", .also = "len size"}),
      record_field<[](const R& r) { return number(static_cast<std::uint64_t>(r.header().format)); }>(
          {.name = "format",
           .type = FieldType::Name,
           .help = "by which rules the header was read",
           .names = kFormatNames,
           .also = "protocol"}),
      record_field<[](const R& r) { return number(static_cast<std::uint64_t>(r.part())); }>(
          {.name = "part",
           .type = FieldType::Name,
           .help = "which part of a line longer than max_line it is",
           .names = kPartNames}),
      record_field<[](const R& r) { return number(r.offset()); }>(
          {.name = "offset",
           .type = FieldType::Number,
           .help = "of the line's first byte in the stream",
           .also = "position pos"}),
  };
  return all;
}

}  // namespace

FieldsOf<Record> record_fields() {
  return FieldsOf<Record>(fields());
}

}  // namespace slurper
