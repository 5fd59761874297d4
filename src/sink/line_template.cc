#include "sink/line_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "base/text.h"
#include "base/uuid.h"
#include "record/syslog_names.h"
#include "sink/syslog_format.h"
#include "sink/timestamps.h"

namespace slurper {

namespace {

void append_or_dash(std::string_view text, std::string& out) {
  if (text.empty()) {
    out += '-';
  } else {
    append_octal_escaped(text, out);
  }
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

// The characters of UTF-8 text before the byte `at`, counted from 1: what an editor shows.
std::size_t column(std::string_view text, std::size_t at) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return 1 + static_cast<std::size_t>(std::ranges::count_if(text.substr(0, at), begins));
}

struct NamedField {
  std::string_view name;
  void (*append)(const Record& record, std::string& out);
};

constexpr NamedField kFields[] = {
    {"time",
     [](const Record& r, std::string& out) { append_time(r.header().timestamp.value_or(r.arrival()), out); }},
    {"arrival", [](const Record& r, std::string& out) { append_time(r.arrival(), out); }},
    {"facility",
     [](const Record& r, std::string& out) {
       out += r.header().facility ? facility_name(*r.header().facility) : "-";
     }},
    {"severity",
     [](const Record& r, std::string& out) {
       out += r.header().severity ? severity_name(*r.header().severity) : "-";
     }},
    {"host", [](const Record& r, std::string& out) { append_or_dash(r.header().host, out); }},
    {"program", [](const Record& r, std::string& out) { append_or_dash(r.header().program, out); }},
    {"pid", [](const Record& r, std::string& out) { append_or_dash(r.header().pid, out); }},
    {"msgid", [](const Record& r, std::string& out) { append_or_dash(r.header().message_id, out); }},
    {"sd", [](const Record& r, std::string& out) { append_or_dash(r.header().structured_data, out); }},
    {"msg", [](const Record& r, std::string& out) { append_octal_escaped(r.header().message, out); }},
    {"raw", [](const Record& r, std::string& out) { append_octal_escaped(r.raw(), out); }},
    {"part", [](const Record& r, std::string& out) { out += part_name(r.part()); }},
    {"offset",
     [](const Record& r, std::string& out) { fmt::format_to(std::back_inserter(out), "{}", r.offset()); }},
    {"log_id", &append_log_id},
};

}  // namespace

std::expected<LineTemplate, std::string> LineTemplate::parse(std::string_view text) {
  LineTemplate made;
  std::string literal;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return std::unexpected(
          fmt::format("has a control character as character {}: each record is a line of its "
                      "own, its end is written by itself",
                      column(text, at)));
    const bool brace = c == '{' || c == '}';
    if (brace && text.substr(at + 1, 1) == text.substr(at, 1)) {
      literal += c;
      at += 2;
    } else if (c == '}') {
      return std::unexpected(fmt::format(
          "has a '}}' as character {} that closes nothing: \"}}}}\" is a brace", column(text, at)));
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos)
        return std::unexpected(fmt::format(
            "has a '{{' as character {} that nothing closes: \"{{{{\" is a brace", column(text, at)));
      const std::string_view name = text.substr(at + 1, end - at - 1);
      const auto field = std::ranges::find(kFields, name, &NamedField::name);
      if (field == std::end(kFields)) {
        return std::unexpected(fmt::format(
            "has no field's name as character {}, '{}': it must be one of {}", column(text, at + 1),
            printable(name), fmt::join(kFields | std::views::transform(&NamedField::name), ", ")));
      }
      made.pieces_.push_back({.text = std::move(literal), .append_field = field->append});
      literal.clear();
      at = end + 1;
    } else {
      literal += c;
      ++at;
    }
  }
  made.pieces_.push_back({.text = std::move(literal), .append_field = nullptr});
  return made;
}

void LineTemplate::append(const Record& record, std::string& out) const {
  for (const Piece& piece : pieces_) {
    out += piece.text;
    if (piece.append_field != nullptr) piece.append_field(record, out);
  }
}

}  // namespace slurper
