// JsonWriter: writes JSON into a buffer that is large enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/json_string.h"
#include "slurper/record.h"

namespace slurper {

// Writes after the end of a text. The caller has reserved room for everything that can follow.
class JsonWriter {
 public:
  explicit JsonWriter(char* at) : at_(at) {}

  [[nodiscard]] char* at() const { return at_; }
  // Whether a text was not valid UTF-8.
  [[nodiscard]] bool damaged() const { return damaged_; }

  // Inline, since most texts are literals.
  void bytes(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // Writes `"name":"`, the text, and `",`; `begin` is the first of these.
  void string(std::string_view begin, std::string_view text) {
    bytes(begin);
    at_ = put_json_text(at_, text, damaged_);
    bytes("\",");
  }
  // Writes RFC 3339 in UTC, with 6 or 9 fractional digits.
  void time(std::string_view begin, Timestamp time);
  void uuid(const LogId& id);
  void number(std::uint64_t number);
  // Writes the seconds since 1970 with 6 fractional digits.
  void seconds(Timestamp time);
  void base64(std::string_view data) { at_ = put_base64(at_, data); }
  // Writes `}` over the comma that follows the last member.
  void close_object();

 private:
  char* at_;
  bool damaged_ = false;
};

}  // namespace slurper
