#include "sink/dead_letter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/json_string.h"
#include "base/text.h"
#include "base/uuid.h"
#include "record/syslog_time.h"
#include "sink/format/json_line.h"
#include "sink/format/syslog_format.h"

namespace slurper {

namespace {

constexpr std::string_view kSink = R"({"sink":")";
constexpr std::string_view kReason = R"(,"reason":")";
constexpr std::string_view kLine = R"(,"line":")";
constexpr std::string_view kLineBase64 = R"(,"line_base64":")";
constexpr std::string_view kRecord = R"(,"record":{)";
// Members of the record. No text of it can contain these: its quotes are escaped there.
constexpr std::string_view kArrival = R"("arrival":")";
constexpr std::string_view kPart = R"("part":")";
constexpr std::string_view kLogId = R"("log_id":")";
constexpr std::string_view kOffset = R"("offset":)";

// The value of a digit of RFC 4648 section 4; 64 if it is none.
unsigned digit_of(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? 64 : static_cast<unsigned>(at);
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  for (; !text.empty(); text.remove_prefix(4)) {
    std::size_t digits = 4;
    if (text.size() == 4 && text[3] == '=') digits = text[2] == '=' ? 2 : 3;
    unsigned group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const unsigned value = i < digits ? digit_of(text[i]) : 0;
      if (value == 64) return std::nullopt;
      group = group << 6 | value;
    }
    for (std::size_t i = 0; i + 1 < digits; ++i) bytes += static_cast<char>(group >> (16 - 8 * i) & 0xff);
  }
  return bytes;
}

void append_utf8(unsigned code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Takes one escape, without its backslash, off the front of `text`: those that JsonWriter writes.
bool take_escape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == '"' || kind == '\\') {
    out += kind;
  } else if (kind == 't') {
    out += '\t';
  } else if (kind == 'u' && text.size() >= 4) {
    unsigned code = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + 4, code, 16);
    if (error != std::errc() || rest != text.data() + 4) return false;
    text.remove_prefix(4);
    append_utf8(code, out);
  } else {
    return false;
  }
  return true;
}

// Takes `begin`, a string that is open, and its closing quote off the front of `text`.
std::optional<std::string> take_string(std::string_view& text, std::string_view begin) {
  if (!text.starts_with(begin)) return std::nullopt;
  text.remove_prefix(begin.size());
  std::string value;
  for (;;) {
    const std::size_t special = text.find_first_of("\"\\");
    if (special == std::string_view::npos) return std::nullopt;
    value += text.substr(0, special);
    const bool is_end = text[special] == '"';
    text.remove_prefix(special + 1);
    if (is_end) return value;
    if (!take_escape(text, value)) return std::nullopt;
  }
}

std::optional<std::string> take_line(std::string_view& text) {
  if (text.starts_with(kLine)) return take_string(text, kLine);
  const auto base64 = take_string(text, kLineBase64);
  return base64 ? from_base64(*base64) : std::nullopt;
}

// Returns what follows `name`; nothing if the record has no such member.
std::optional<std::string_view> member(std::string_view record, std::string_view name) {
  const std::size_t at = record.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  return record.substr(at + name.size());
}

Part part_in(std::string_view record) {
  const std::string_view name = member(record, kPart).value_or("");
  for (const Part part : {Part::First, Part::Middle, Part::Last}) {
    if (name.starts_with(part_name(part))) return part;
  }
  return Part::Whole;
}

std::optional<DeadLetter::Place> place_in(std::string_view record) {
  const auto log_id = parse_uuid(member(record, kLogId).value_or(""));
  const std::string_view digits = member(record, kOffset).value_or("");
  std::uint64_t offset = 0;
  const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), offset).ec;
  if (!log_id || error != std::errc()) return std::nullopt;
  return DeadLetter::Place{.log_id = *log_id, .offset = offset, .part = part_in(record)};
}

}  // namespace

std::string format_dead_letter(std::string_view sink, const Record& record, std::string_view reason) {
  std::string text(kSink.substr(0, kSink.size() - 1));
  append_json_string(sink, text);
  text += kReason.substr(0, kReason.size() - 1);
  append_json_string(reason, text);
  if (is_utf8(record.raw())) {
    text += kLine.substr(0, kLine.size() - 1);
    append_json_string(record.raw(), text);
  } else {
    text += kLineBase64;
    append_base64(record.raw(), text);
    text += '"';
  }
  text += kRecord.substr(0, kRecord.size() - 1);
  append_json(record, text);
  text += "}\n";
  return text;
}

std::optional<DeadLetter> parse_dead_letter(std::string_view text) {
  if (!text.ends_with("}}") || !take_string(text, kSink) || !take_string(text, kReason)) return std::nullopt;
  std::optional<std::string> line = take_line(text);
  // A line that has a newline would be two.
  if (!line || line->find('\n') != std::string::npos || !text.starts_with(kRecord)) return std::nullopt;
  DeadLetter letter{.line = std::move(*line), .arrival = {}, .place = place_in(text)};
  if (const auto arrival = member(text, kArrival)) (void)read_iso_time(*arrival, letter.arrival);
  return letter;
}

bool is_torn_dead_letter(std::string_view text) {
  const std::size_t common = std::min(text.size(), kSink.size());
  return common > 0 && text.substr(0, common) == kSink.substr(0, common) && !parse_dead_letter(text);
}

}  // namespace slurper
