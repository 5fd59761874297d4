#include "filter/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"

namespace slurper {

namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The length of the class at the start of `pattern`, including '[' and ']'.
std::size_t class_length(std::string_view pattern) {
  std::size_t i = 1;
  if (pattern.substr(i).starts_with('^')) ++i;
  if (pattern.substr(i).starts_with(']')) ++i;  // a ']' stands for itself here
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern[i] == '\\') ++i;
    if (pattern.substr(i).starts_with("[:")) i = std::min(pattern.find(":]", i), pattern.size()) + 1;
    ++i;
  }
  return std::min(i + 1, pattern.size());
}

// The bytes of one character that is not ASCII, as one unit for what follows it (+, *, {2}). Without folding,
// which would take the bytes for characters of Latin-1.
std::string as_bytes(std::string_view character) {
  return "(?-i:" + std::string(character) + ')';
}

// `pattern`, rewritten so that RE2 reads it as Latin-1, byte by byte. Empty if a class contains a character
// that is not one byte.
std::optional<std::string> pattern_of_bytes(std::string_view pattern) {
  std::string out;
  bool has_high_bytes = false;
  bool literal = false;  // between \Q and \E, where the only work is to join the bytes of each character
  while (!pattern.empty()) {
    std::size_t length = std::max<std::size_t>(utf8_length(pattern), 1);
    if (pattern.starts_with(literal ? "\\E" : "\\Q")) {
      literal = !literal;
      length = 2;
    } else if (!is_ascii(pattern.substr(0, 1))) {
      has_high_bytes = true;
      out += as_bytes(pattern.substr(0, length));
    } else if (literal) {
      out += re2::RE2::QuoteMeta(piece(pattern.substr(0, 1)));
    } else {
      if (pattern.front() == '[') {
        length = class_length(pattern);
        if (!is_ascii(pattern.substr(0, length))) return std::nullopt;
      } else if (pattern.front() == '\\') {
        length = std::min<std::size_t>(2, pattern.size());
        const char escaped = pattern[length - 1];
        has_high_bytes = has_high_bytes || escaped == 'x' || (escaped >= '0' && escaped <= '7');
      }
      out += pattern.substr(0, length);
    }
    pattern.remove_prefix(length);
  }
  // RE2 of 2022 searches for the wrong bytes if alternatives begin with the same high byte ("ä|ü"): it
  // searches for them in UTF-8, because it forgets Latin-1 when it factors out the common beginning
  // (google/re2 issue 477). With an empty group in front, there is no common beginning to search for.
  return has_high_bytes ? "(?:)" + out : out;
}

// RE2's text ends with the part of the pattern that it is about, if there is one.
Phrase why_not(const re2::RE2& regex) {
  const std::string& part = regex.error_arg();
  std::string reason = regex.error();
  if (part.empty() || !reason.ends_with(": " + part))
    return {PhraseId::FilterBadPattern, {{"reason", std::move(reason)}}};
  reason.resize(reason.size() - part.size() - 2);
  return {PhraseId::FilterBadPatternAt,
          {{"reason", std::move(reason)}, {"part", QuotedText{shortened(part)}}}};
}

}  // namespace

bool Regex::is_plain(std::string_view pattern) {
  return pattern.find_first_of(R"(\.+*?()|[]{}^$)") == std::string_view::npos;
}

std::expected<Regex, Phrase> Regex::compile(std::string_view pattern) {
  const std::optional<std::string> bytes = pattern_of_bytes(pattern);
  if (!bytes) return std::unexpected(PhraseId::FilterClassNotAscii);
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  options.set_never_capture(true);
  options.set_dot_nl(true);
  auto regex = std::make_shared<const re2::RE2>(*bytes, options);
  if (regex->ok()) return Regex(std::move(regex));
  // The error that quotes the pattern as it was written is the better one.
  options.set_encoding(re2::RE2::Options::EncodingUTF8);
  const re2::RE2 as_written(piece(pattern), options);
  return std::unexpected(why_not(as_written.ok() ? *regex : as_written));
}

bool Regex::is_in(std::string_view text) const {
  return regex_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace slurper
