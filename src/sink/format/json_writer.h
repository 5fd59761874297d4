// JsonWriter: JSON into memory that is large enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// What a byte of a text becomes at most: \u001b, U+FFFD.
inline constexpr std::size_t kMaxJsonGrowth = 6;

// Writes behind the end of a text in which room has been made for all that can come.
class JsonWriter {
 public:
  explicit JsonWriter(char* at) : at_(at) {}

  [[nodiscard]] char* at() const { return at_; }
  // A text was not valid UTF-8.
  [[nodiscard]] bool damaged() const { return damaged_; }

  // Inline: most texts are literals.
  void bytes(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // A string is written as `"name":"`, its text, and `",`.
  void string(std::string_view begin, std::string_view text) {
    bytes(begin);
    escaped(text);
    bytes("\",");
  }
  // RFC 3339 in UTC, 6 or 9 digits of a second.
  void time(std::string_view begin, Timestamp time);
  void uuid(const LogId& id);
  void number(std::uint64_t number);
  // Seconds since 1970, 6 digits behind the point.
  void seconds(Timestamp time);
  void base64(std::string_view data);
  // `}` behind the last member, whose comma it replaces.
  void close_object();

 private:
  void escaped(std::string_view text);
  void escape_one(std::string_view& text);
  void code_unit(unsigned unit);

  char* at_;
  bool damaged_ = false;
};

}  // namespace slurper
