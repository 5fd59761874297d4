#include "trace/view/line_format.h"

#include <algorithm>
#include <utility>

#include "base/json_string.h"
#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

// The field, and the argument that follows it behind a point.
const Field* find(std::string_view name, std::string& argument) {
  const FieldTable table = trace_fields().table();
  if (const Field* field = find_field(table, name); field != nullptr) return field;
  const std::size_t point = name.rfind('.');
  if (point == std::string_view::npos) return nullptr;
  const Field* const field = find_field(table, name.substr(0, point));
  if (field == nullptr || !field->dotted || point + 1 == name.size()) return nullptr;
  argument = name.substr(point + 1);
  return field;
}

}  // namespace

// The field at the beginning of `text`. Returns its length with its brackets; 0 if
// none is.
std::size_t LineFormat::take_field(std::string_view text, Part& part) {
  std::size_t length = 0;
  while (length < text.size() && is_name(text[length])) ++length;
  while (length > 0 && text[length - 1] == '.') --length;  // the end of a sentence
  part.field = find(text.substr(0, length), part.text);
  if (part.field == nullptr) return 0;
  if (!part.field->argument.empty() && part.text.empty() && text.substr(length).starts_with('[')) {
    const std::size_t end = text.find(']', length);
    if (end == std::string_view::npos) return 0;
    part.text = text.substr(length + 1, end - length - 1);
    length = end + 1;
  }
  part.key = text.substr(0, length);
  const bool can_be_shown = part.field->text != nullptr || part.field->number != nullptr;
  const bool lacks_argument = !part.field->argument.empty() && part.text.empty();
  return can_be_shown && !lacks_argument ? length : 0;
}

Result<LineFormat> LineFormat::parse(std::string_view text) {
  LineFormat format;
  std::string_view rest = text;
  if (rest.starts_with('*')) {
    format.shows_missing_ = true;
    rest.remove_prefix(1);
  }
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty())
      format.parts_.push_back({.field = nullptr, .text = std::exchange(literal, {}), .key = {}});
  };
  while (!rest.empty()) {
    if (rest.starts_with("%%") || !rest.starts_with('%')) {
      literal += rest.front();
      rest.remove_prefix(rest.starts_with('%') ? 2 : 1);
      continue;
    }
    rest.remove_prefix(1);
    Part part;
    const std::size_t length = take_field(rest, part);
    if (length == 0) {
      const std::string_view name =
          rest.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(rest, is_name) - rest.begin()));
      return fail(ErrorKind::Usage, {PhraseId::AcceptTraceFormat, {{"format", QuotedText{shortened(text)}}}},
                  {PhraseId::NoSuchFormatField, {{"name", QuotedText{shortened(name)}}}},
                  suggest_field(trace_fields().table(), name));
    }
    end_literal();
    format.parts_.push_back(std::move(part));
    rest.remove_prefix(length);
  }
  end_literal();
  return format;
}

bool LineFormat::append(std::string& out, const ShownEvent& event) const {
  const std::size_t begin = out.size();
  for (const Part& part : parts_) {
    if (part.field == nullptr) {
      out += part.text;
    } else if (!append_field(out, event, *part.field, part.text)) {
      if (!shows_missing_) {
        out.resize(begin);
        return false;
      }
      out += "<NA>";
    }
  }
  return true;
}

bool LineFormat::append_json(std::string& out, const ShownEvent& event) const {
  std::vector<std::pair<std::string_view, const Part*>> fields;
  for (const Part& part : parts_) {
    if (part.field != nullptr) fields.emplace_back(part.key, &part);
  }
  std::ranges::sort(fields);
  const auto repeated = std::ranges::unique(fields, {}, &decltype(fields)::value_type::first);
  fields.erase(repeated.begin(), repeated.end());
  const std::size_t begin = out.size();
  out += '{';
  std::string value;
  for (const auto& [key, part] : fields) {
    value.clear();
    const bool is_time = key == "evt.outputtime" || key == "evt.time";
    if (is_time) {
      append_number(value, event.trace.raw.time);
    } else if (!append_field(value, event, *part->field, part->text)) {
      if (shows_missing_) continue;
      out.resize(begin);
      return false;
    }
    if (out.size() > begin + 1) out += ',';
    append_json_string(key, out);
    out += ':';
    if (part->field->type == FieldType::Text && !is_time) {
      append_json_string(value, out);
    } else {
      out += value;
    }
  }
  out += '}';
  return true;
}

}  // namespace slurper
