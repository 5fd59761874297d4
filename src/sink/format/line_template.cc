#include "sink/format/line_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/json_string.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "record/syslog_names.h"
#include "sink/format/json_line.h"
#include "sink/format/no_such_field.h"
#include "sink/format/syslog_format.h"
#include "sink/format/timestamps.h"

namespace slurper {

namespace {

std::string_view or_dash(std::string_view text) {
  return text.empty() ? std::string_view("-") : text;
}

void append_time(Timestamp time, std::string& out) {
  std::array<char, kMaxTimeText> text{};
  out.append(text.data(), put_rfc3339(text.data(), time, 6));
}

void append_log_id(const Record& record, std::string& out) {
  std::array<char, kUuidTextSize> text{};
  put_uuid(text.data(), record.log_id());
  out.append(text.data(), text.size());
}

// The position of the byte `at` in characters of UTF-8, counted from 1, as an editor shows it.
std::size_t column(std::string_view text, std::size_t at) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return 1 + static_cast<std::size_t>(std::ranges::count_if(text.substr(0, at), begins));
}

struct NamedField {
  std::string_view name;
  // Set if the line provides the field: it can hold any bytes.
  std::string_view (*text)(const Record& record) = nullptr;
  // Set for every other field: it needs no escape.
  void (*append)(const Record& record, std::string& out) = nullptr;
};

constexpr NamedField kFields[] = {
    {.name = "time",
     .append = [](const Record& r,
                  std::string& out) { append_time(r.header().timestamp.value_or(r.arrival()), out); }},
    {.name = "arrival", .append = [](const Record& r, std::string& out) { append_time(r.arrival(), out); }},
    {.name = "facility",
     .append =
         [](const Record& r, std::string& out) {
           out += r.header().facility ? facility_name(*r.header().facility) : "-";
         }},
    {.name = "severity",
     .append =
         [](const Record& r, std::string& out) {
           out += r.header().severity ? severity_name(*r.header().severity) : "-";
         }},
    {.name = "host", .text = [](const Record& r) { return or_dash(r.header().host); }},
    {.name = "program", .text = [](const Record& r) { return or_dash(r.header().program); }},
    {.name = "pid", .text = [](const Record& r) { return or_dash(r.header().pid); }},
    {.name = "msgid", .text = [](const Record& r) { return or_dash(r.header().message_id); }},
    {.name = "sd", .text = [](const Record& r) { return or_dash(r.header().structured_data); }},
    {.name = "msg", .text = [](const Record& r) { return r.header().message; }},
    {.name = "raw", .text = [](const Record& r) { return r.raw(); }},
    {.name = "part", .append = [](const Record& r, std::string& out) { out += part_name(r.part()); }},
    {.name = "offset",
     .append = [](const Record& r,
                  std::string& out) { fmt::format_to(std::back_inserter(out), "{}", r.offset()); }},
    {.name = "log_id", .append = &append_log_id},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kFields)> names;
  std::ranges::transform(kFields, names.begin(), &NamedField::name);
  return names;
}();

// The content of the braces: the name of a field, and possibly its escape.
struct Placeholder {
  const NamedField* field = nullptr;
  bool as_json = false;
};

constexpr std::string_view kJsonEscape = ":json";

// Returns an empty Placeholder if no field has this name or the escape is unknown.
Placeholder placeholder(std::string_view text) {
  Placeholder found;
  if (text.ends_with(kJsonEscape)) {
    found.as_json = true;
    text.remove_suffix(kJsonEscape.size());
  }
  const auto field = std::ranges::find(kFields, text, &NamedField::name);
  if (field != std::end(kFields)) found.field = field;
  return found;
}

// Returns the placeholder at the beginning of `text`; `length` becomes its length with the braces.
Placeholder placeholder_at(std::string_view text, std::size_t& length) {
  const std::size_t end = text.find('}');
  if (!text.starts_with('{') || end == std::string_view::npos) return {};
  length = end + 1;
  return placeholder(text.substr(1, end - 1));
}

// How a template writes the braces of JSON: single, as in JSON, or doubled, as a template needs them.
enum class Json : std::uint8_t { No, SingleBraces, DoubleBraces };

Json looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  const std::size_t last = text.find_last_not_of(" \t");
  if (first == text.npos || text[first] != '{' || text[last] != '}') return Json::No;
  const bool twice = text.substr(first + 1).starts_with('{');
  const std::size_t next = text.find_first_not_of(" \t", first + (twice ? 2 : 1));
  if (next == text.npos || text[next] != '"') return Json::No;
  return twice ? Json::DoubleBraces : Json::SingleBraces;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_:") == text.npos;
}

// Returns `text` with the braces of JSON doubled and every field escaped that needs it.
std::string as_json_template(std::string_view text, Json braces) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    const Placeholder found = placeholder_at(text, length);
    if (found.field != nullptr) {
      const bool as_json = found.as_json || found.field->text != nullptr;
      out += fmt::format("{{{}{}}}", found.field->name, as_json ? kJsonEscape : "");
    } else if (length > 2 && is_name(text.substr(1, length - 2))) {
      out += text.substr(0, length);  // a misspelled field
    } else {
      const char c = text.front();
      const bool is_brace = c == '{' || c == '}';
      length = is_brace && braces == Json::DoubleBraces && text.substr(1).starts_with(c) ? 2 : 1;
      out.append(is_brace ? 2 : 1, c);
    }
    text.remove_prefix(length);
  }
  return out;
}

// What is wrong with `text` at the byte `at`.
std::unexpected<Phrase> wrong(PhraseId id, std::string_view text, std::size_t at,
                              std::vector<PhraseArgument> arguments = {}) {
  Phrase phrase(id, {{"column", std::uint64_t{column(text, at)}}});
  for (PhraseArgument& argument : arguments) phrase.with(std::move(argument));
  return std::unexpected(std::move(phrase));
}

}  // namespace

std::expected<LineTemplate, Phrase> LineTemplate::parse(std::string_view text) {
  auto made = parse_strictly(text);
  if (made || looks_like_json(text) != Json::SingleBraces) return made;
  const std::string meant = as_json_template(text, Json::SingleBraces);
  if (!parse_strictly(meant)) return made;
  return std::unexpected(Phrase(PhraseId::TemplateIsJson, {{"instead", QuotedText{meant}}}));
}

std::expected<LineTemplate, Phrase> LineTemplate::parse_strictly(std::string_view text) {
  LineTemplate made;
  std::string literal;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return wrong(PhraseId::TemplateControl, text, at);
    const bool brace = c == '{' || c == '}';
    if (brace && text.substr(at + 1, 1) == text.substr(at, 1)) {
      literal += c;
      at += 2;
    } else if (c == '}') {
      return wrong(PhraseId::TemplateNeverOpened, text, at, {{"brace", QuotedText{"}"}}});
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos)
        return wrong(PhraseId::TemplateNeverClosed, text, at, {{"brace", QuotedText{"{"}}});
      const std::string_view name = text.substr(at + 1, end - at - 1);
      const Placeholder found = placeholder(name);
      if (found.field == nullptr && placeholder(name.substr(0, name.find(':'))).field != nullptr) {
        const std::size_t colon = name.find(':');
        return wrong(PhraseId::TemplateNoSuchEscape, text, at + 1 + colon,
                     {{"name", QuotedText{std::string(name.substr(colon))}}, {"escape", kJsonEscape}});
      }
      if (found.field == nullptr) return std::unexpected(no_such_field(name, column(text, at + 1), kNames));
      made.pieces_.push_back({.text = std::move(literal),
                              .field_text = found.field->text,
                              .append_field = found.field->append,
                              .as_json = found.as_json});
      literal.clear();
      at = end + 1;
    } else {
      literal += c;
      ++at;
    }
  }
  made.pieces_.push_back({.text = std::move(literal)});
  return made;
}

void LineTemplate::append(const Record& record, std::string& out) const {
  for (const Piece& piece : pieces_) {
    out += piece.text;
    if (piece.append_field != nullptr) {
      piece.append_field(record, out);
    } else if (piece.field_text != nullptr) {
      if (piece.as_json) {
        append_json_text(piece.field_text(record), out);
      } else {
        append_octal_escaped(piece.field_text(record), out);
      }
    }
  }
}

std::optional<Phrase> lint_json(std::string_view text) {
  if (looks_like_json(text) != Json::DoubleBraces) return std::nullopt;
  const std::string meant = as_json_template(text, Json::DoubleBraces);
  if (meant == text) return std::nullopt;
  return Phrase(PhraseId::JsonUnescaped, {{"instead", QuotedText{meant}}});
}

}  // namespace slurper
