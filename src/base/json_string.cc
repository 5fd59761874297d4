#include "base/json_string.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/eight_bytes.h"
#include "base/text.h"

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

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* put_code_unit(char* at, unsigned unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  at = put(at, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) *at++ = kDigits[(unit >> shift) & 0xf];
  return at;
}

// Puts the first character of `text`, and removes it.
char* put_escaped(char* at, std::string_view& text, bool& damaged) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : utf8_length(text);
  if (length == 0) {
    damaged = true;
    text.remove_prefix(1);
    return put(at, "\xef\xbf\xbd");  // U+FFFD
  }
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  if (first == '"' || first == '\\') {
    *at++ = '\\';
    *at++ = static_cast<char>(first);
    return at;
  }
  if (first == '\t') return put(at, "\\t");
  if (first < 0x20 || first == 0x7f) return put_code_unit(at, first);
  // C1: a control sequence for some terminals.
  if (first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0)
    return put_code_unit(at, static_cast<unsigned char>(character[1]));
  // Ends a line for some readers.
  if (character == "\u2028" || character == "\u2029")
    return put(at, character == "\u2028" ? "\\u2028" : "\\u2029");
  return put(at, character);
}

}  // namespace

char* put_json_text(char* at, std::string_view text, bool& damaged) {
  while (!text.empty()) {
    while (text.size() >= EightBytes::kSize) {
      const EightBytes bytes(text.data());
      if (has_special(bytes)) break;
      bytes.store(at);
      at += EightBytes::kSize;
      text.remove_prefix(EightBytes::kSize);
    }
    while (!text.empty() && kPlain[static_cast<unsigned char>(text.front())]) {
      *at++ = text.front();
      text.remove_prefix(1);
    }
    if (!text.empty()) at = put_escaped(at, text, damaged);
  }
  return at;
}

char* put_base64(char* at, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      *at++ = i <= bytes.size() ? kDigits[(group >> (18 - 6 * i)) & 0x3f] : '=';
  }
  return at;
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  append_json_text(text, out);
  out += '"';
}

void append_json_text(std::string_view text, std::string& out) {
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + kMaxJsonGrowth * text.size(), [&](char* data, std::size_t) {
    bool damaged = false;
    return static_cast<std::size_t>(put_json_text(data + begin, text, damaged) - data);
  });
}

void append_base64(std::string_view bytes, std::string& out) {
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + base64_size(bytes.size()), [&](char* data, std::size_t) {
    return static_cast<std::size_t>(put_base64(data + begin, bytes) - data);
  });
}

}  // namespace slurper
