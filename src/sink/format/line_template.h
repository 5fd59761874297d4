// LineTemplate: builds a line as the operator's template describes it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// "{time} {host} {program}: {msg}": text, and fields in braces. The fields have the names of the filter
// language; "{{" and "}}" are literal braces. A field that the record lacks is "-", except for the time,
// which is then the arrival time. Control characters in a field, except the tab, are written as "#ooo", so
// that a record stays one line. "{msg:json}" is the field escaped for a JSON string, without the quotes.
class LineTemplate {
 public:
  // The error says what is wrong and where; it completes the sentence "the format is …, but ".
  [[nodiscard]] static std::expected<LineTemplate, Phrase> parse(std::string_view text);

  // Appends the line without a newline at the end.
  void append(const Record& record, std::string& out) const;

 private:
  // A piece of text, followed by a field (the last piece has none).
  struct Piece {
    std::string text;
    // Exactly one of these is set: the first if the field needs an escape, the second if it does not.
    std::string_view (*field_text)(const Record& record) = nullptr;
    void (*append_field)(const Record& record, std::string& out) = nullptr;
    bool as_json = false;
  };

  static std::expected<LineTemplate, Phrase> parse_strictly(std::string_view text);

  std::vector<Piece> pieces_;
};

// Explains why a valid template that looks like JSON would write broken JSON: it has fields without their
// escape. The phrase completes "the format …".
[[nodiscard]] std::optional<Phrase> lint_json(std::string_view text);

}  // namespace slurper
