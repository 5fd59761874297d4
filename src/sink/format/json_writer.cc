#include "sink/format/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/text.h"
#include "base/uuid.h"
#include "sink/format/eight_bytes.h"
#include "sink/format/timestamps.h"

namespace slurper {

namespace {

// Whether one of the bytes is a control character, a quote, a backslash or not ASCII.
bool has_special(EightBytes bytes) {
  return EightBytes::any(bytes.not_ascii() | bytes.below(0x20) | bytes.equal('"') | bytes.equal('\\') |
                         bytes.equal(0x7f));
}

// The bytes that stand for themselves: the same as in has_special(), for what is left of a text.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

void JsonWriter::time(std::string_view begin, Timestamp time) {
  const bool micro = time.time_since_epoch().count() % 1000 == 0;
  bytes(begin);
  at_ = put_rfc3339(at_, time, micro ? 6 : 9);
  bytes("\",");
}

void JsonWriter::uuid(const LogId& id) {
  at_ = put_uuid(at_, id);
}

void JsonWriter::number(std::uint64_t number) {
  constexpr std::ptrdiff_t kMaxDigits = 20;
  at_ = std::to_chars(at_, at_ + kMaxDigits, number).ptr;
}

void JsonWriter::seconds(Timestamp time) {
  using std::chrono::microseconds;
  std::int64_t micros = std::chrono::floor<microseconds>(time.time_since_epoch()).count();
  if (micros < 0) {
    *at_++ = '-';
    micros = -micros;
  }
  constexpr std::int64_t kSecond = 1'000'000;
  number(static_cast<std::uint64_t>(micros / kSecond));
  *at_++ = '.';
  for (std::int64_t unit = kSecond / 10; unit > 0; unit /= 10)
    *at_++ = static_cast<char>('0' + micros / unit % 10);
}

void JsonWriter::close_object() {
  if (at_[-1] == ',') --at_;
  *at_++ = '}';
}

void JsonWriter::code_unit(unsigned unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  bytes("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) *at_++ = kDigits[(unit >> shift) & 0xf];
}

void JsonWriter::escaped(std::string_view text) {
  while (!text.empty()) {
    while (text.size() >= EightBytes::kSize) {
      const EightBytes bytes(text.data());
      if (has_special(bytes)) break;
      bytes.store(at_);
      at_ += EightBytes::kSize;
      text.remove_prefix(EightBytes::kSize);
    }
    while (!text.empty() && kPlain[static_cast<unsigned char>(text.front())]) {
      *at_++ = text.front();
      text.remove_prefix(1);
    }
    if (!text.empty()) escape_one(text);
  }
}

void JsonWriter::escape_one(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : utf8_length(text);
  if (length == 0) {
    damaged_ = true;
    bytes("\xef\xbf\xbd");  // U+FFFD
    text.remove_prefix(1);
    return;
  }
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  if (first == '"' || first == '\\') {
    *at_++ = '\\';
    *at_++ = static_cast<char>(first);
  } else if (first == '\t') {
    bytes("\\t");
  } else if (first < 0x20 || first == 0x7f) {
    code_unit(first);
  } else if (first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0) {
    code_unit(static_cast<unsigned char>(character[1]));  // C1: a control sequence for some terminals
  } else if (character == "\u2028" || character == "\u2029") {
    bytes(character == "\u2028" ? "\\u2028" : "\\u2029");  // ends a line for some readers
  } else {
    bytes(character);
  }
}

// RFC 4648 section 4.
void JsonWriter::base64(std::string_view data) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; !data.empty(); data.remove_prefix(std::min<std::size_t>(3, data.size()))) {
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < data.size() ? static_cast<unsigned char>(data[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      *at_++ = i <= data.size() ? kDigits[(group >> (18 - 6 * i)) & 0x3f] : '=';
  }
}

}  // namespace slurper
