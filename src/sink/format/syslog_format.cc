#include "sink/format/syslog_format.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "base/eight_bytes.h"
#include "base/uuid.h"
#include "sink/format/timestamps.h"

namespace slurper {

namespace {

// The enterprise number that RFC 5612 reserves for examples: slurper has none of its own.
constexpr std::string_view kOwnElement = "slurper@32473";

// The lengths of RFC 5424 section 6.
constexpr std::size_t kMaxHost = 255;
constexpr std::size_t kMaxProgram = 48;
constexpr std::size_t kMaxPid = 128;
constexpr std::size_t kMaxMessageId = 32;

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// Returns where the first control character is, or the size of the text. Hardly any text has one.
std::size_t find_control(std::string_view text) {
  std::size_t at = 0;
  for (; text.size() - at >= EightBytes::kSize; at += EightBytes::kSize) {
    const EightBytes bytes(text.data() + at);
    if (EightBytes::any(bytes.below(0x20) | bytes.equal(0x7f))) break;
  }
  return static_cast<std::size_t>(std::find_if(text.begin() + at, text.end(), is_control) - text.begin());
}

// PRINTUSASCII of RFC 5424: printable ASCII without the blank.
bool is_plain(char c) {
  return c > 0x20 && c < 0x7f;
}

void append_number(std::uint64_t number, std::string& out) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  out.append(digits.begin(), end);
}

void append_pri(const Record& record, const SyslogDefaults& defaults, std::string& out) {
  const SyslogHeader& header = record.header();
  out += '<';
  append_number(
      header.facility.value_or(defaults.facility) * 8U + header.severity.value_or(defaults.severity), out);
  out += '>';
}

// Appends `text` as one word: '?' replaces each byte that `is_allowed` refuses, since it could end the word.
template <typename IsAllowed>
void append_word(std::string_view word, std::string_view otherwise, std::size_t max, IsAllowed is_allowed,
                 std::string& out) {
  if (word.empty()) word = otherwise;
  const std::size_t begin = out.size();
  out += word.substr(0, max);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), [&](char c) { return !is_allowed(c); },
      '?');
}

void append_text(std::string_view text, const SyslogDefaults& defaults, std::string& out) {
  if (defaults.escape_controls) {
    append_octal_escaped(text, out);
  } else {
    out += text;
  }
}

// Returns the first element of `data` with its brackets: up to the first ']' outside a quoted value.
std::string_view first_element(std::string_view data) {
  bool quoted = false;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '"') quoted = !quoted;
    if (data[i] == ']' && !quoted) return data.substr(0, i + 1);
    if (data[i] == '\\' && quoted) ++i;
  }
  return data;
}

bool is_own(std::string_view element) {
  element.remove_prefix(1);
  return element.starts_with(kOwnElement) && element.size() > kOwnElement.size() &&
         (element[kOwnElement.size()] == ' ' || element[kOwnElement.size()] == ']');
}

// Appends the elements of `data` without slurper's own. An own element that came with the line would make a
// receiver mistake this line for another, and no SD-ID may occur twice.
void append_elements_but_own(std::string_view data, const SyslogDefaults& defaults, std::string& out) {
  while (!data.empty()) {
    const std::string_view element = first_element(data);
    if (!is_own(element)) append_text(element, defaults, out);
    data.remove_prefix(element.size());
  }
}

void append_own_element(const Record& record, std::string& out) {
  std::array<char, kUuidTextSize> log{};
  put_uuid(log.data(), record.log_id());
  out += '[';
  out += kOwnElement;
  out += " log=\"";
  out.append(log.data(), log.size());
  out += "\" offset=\"";
  append_number(record.offset(), out);
  if (record.part() != Part::Whole) {
    out += "\" part=\"";
    out += part_name(record.part());
  }
  out += "\"]";
}

void append_structured_data(const Record& record, const SyslogDefaults& defaults, std::string& out) {
  const std::string_view came = record.header().structured_data;
  const std::size_t begin = out.size();
  if (defaults.own_element) {
    append_own_element(record, out);
    // Almost no line has structured data.
    if (!came.empty()) append_elements_but_own(came, defaults, out);
  } else {
    append_text(came, defaults, out);
  }
  if (out.size() == begin) out += '-';
}

}  // namespace

void append_rfc5424(const Record& record, const SyslogDefaults& defaults, std::string& out) {
  const SyslogHeader& header = record.header();
  append_pri(record, defaults, out);
  out += "1 ";
  std::array<char, kMaxTimeText> time{};
  out.append(time.data(), put_rfc3339(time.data(), header.timestamp.value_or(record.arrival()), 6));
  out += ' ';
  append_word(header.host, defaults.hostname, kMaxHost, is_plain, out);
  out += ' ';
  append_word(header.program, defaults.program, kMaxProgram, is_plain, out);
  out += ' ';
  append_word(header.pid, "-", kMaxPid, is_plain, out);
  out += ' ';
  append_word(header.message_id, "-", kMaxMessageId, is_plain, out);
  out += ' ';
  append_structured_data(record, defaults, out);
  if (header.message.empty()) return;
  out += ' ';
  append_text(header.message, defaults, out);
}

void append_rfc3164(const Record& record, const SyslogDefaults& defaults, std::string& out) {
  // A tag must not contain a character that ends a tag for a receiver.
  constexpr auto kIsTag = [](char c) { return is_plain(c) && c != ':' && c != '[' && c != ']'; };
  const SyslogHeader& header = record.header();
  append_pri(record, defaults, out);
  std::array<char, kMaxTimeText> time{};
  out.append(time.data(), put_bsd_time(time.data(), header.timestamp.value_or(record.arrival())));
  out += ' ';
  if (defaults.with_host) {
    append_word(header.host, defaults.hostname, kMaxHost, is_plain, out);
    out += ' ';
  }
  append_word(header.program, defaults.program, kMaxProgram, kIsTag, out);
  if (!header.pid.empty()) {
    out += '[';
    append_word(header.pid, {}, kMaxPid, kIsTag, out);
    out += ']';
  }
  out += ": ";
  append_text(header.message, defaults, out);
}

void append_octal(char c, std::string& out) {
  const auto byte = static_cast<unsigned char>(c);
  const auto digit = [byte](int shift) { return static_cast<char>('0' + ((byte >> shift) & 7)); };
  out += {'#', digit(6), digit(3), digit(0)};
}

void append_octal_escaped(std::string_view text, std::string& out) {
  for (;;) {
    const std::size_t control = find_control(text);
    out += text.substr(0, control);
    if (control == text.size()) return;
    append_octal(text[control], out);
    text.remove_prefix(control + 1);
  }
}

std::string_view part_name(Part part) {
  constexpr std::array<std::string_view, 4> kNames = {"whole", "first", "middle", "last"};
  return kNames[static_cast<std::size_t>(part)];
}

std::string machine_name() {
  std::array<char, 256> name{};
  // gethostname(2) cuts a name that is too long, and then does not terminate it.
  if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "-";
  return name.data();
}

}  // namespace slurper
