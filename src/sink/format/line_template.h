// LineTemplate: how a line is put together, as the operator wrote it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/record.h"

namespace slurper {

// "{time} {host} {program}: {msg}": text, and fields in braces by the names that the filter language has for
// them; "{{" and "}}" are braces. A field that the record does not have is "-"; the time is then that of
// arrival. Control characters in a field but the tab are written as "#ooo", so that a record is one line.
// "{msg:json}" is the field as it stands between the quotes of a JSON string.
class LineTemplate {
 public:
  // The error says what is wrong and where, to be put behind "the format is …, but ".
  [[nodiscard]] static std::expected<LineTemplate, std::string> parse(std::string_view text);

  // Without a newline at the end.
  void append(const Record& record, std::string& out) const;

 private:
  // A piece of text, then a field (none at the end).
  struct Piece {
    std::string text;
    // One of these: what is to be escaped, or what needs no escape.
    std::string_view (*field_text)(const Record& record) = nullptr;
    void (*append_field)(const Record& record, std::string& out) = nullptr;
    bool as_json = false;
  };

  static std::expected<LineTemplate, std::string> parse_strictly(std::string_view text);

  std::vector<Piece> pieces_;
};

// What makes broken JSON of a template, which can be parsed, that looks like JSON: fields without their
// escape. A sentence that begins with "looks like JSON".
[[nodiscard]] std::optional<std::string> lint_json(std::string_view text);

}  // namespace slurper
