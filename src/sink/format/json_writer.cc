#include "sink/format/json_writer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "base/uuid.h"
#include "sink/format/timestamps.h"

namespace slurper {

namespace {

constexpr std::size_t kWord = 8;

constexpr std::uint64_t every_byte(std::uint8_t value) {
  return 0x0101'0101'0101'0101U * value;
}

// Whether one of eight bytes is a control character, a quote, a backslash or not ASCII. This is the classic
// test for a zero byte (and for one below n), applied to all eight at once.
bool has_special(std::uint64_t word) {
  constexpr std::uint64_t kHigh = every_byte(0x80);
  const auto below = [word](std::uint8_t n) { return (word - every_byte(n)) & ~word; };
  const auto equal = [word](std::uint8_t c) {
    const std::uint64_t zero = word ^ every_byte(c);
    return (zero - every_byte(1)) & ~zero;
  };
  return ((word | below(0x20) | equal('"') | equal('\\') | equal(0x7f)) & kHigh) != 0;
}

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
    while (text.size() >= kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), kWord);
      if (has_special(word)) break;
      std::memcpy(at_, &word, kWord);
      at_ += kWord;
      text.remove_prefix(kWord);
    }
    // Escapes the rest of the text, or everything up to and including the special byte.
    for (std::size_t left = kWord; left > 0 && !text.empty(); --left) escape_one(text);
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
