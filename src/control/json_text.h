// JsonText: writes JSON of any length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_string.h"

namespace slurper {

// Sets the commas; the caller has the order right: in an object a name comes before each value, in an array
// item() does. Any bytes become valid JSON: what is no UTF-8 becomes U+FFFD.
class JsonText {
 public:
  void begin(char bracket) { text_ += bracket; }
  void end(char bracket) { text_ += bracket; }
  void name(std::string_view name);
  void item() { separate(); }
  void string(std::string_view text) { append_json_string(text, text_); }
  void base64(std::string_view bytes) {
    text_ += '"';
    append_base64(bytes, text_);
    text_ += '"';
  }
  void number(std::uint64_t number) { text_ += std::to_string(number); }
  void flag(bool flag) { text_ += flag ? "true" : "false"; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void separate();

  std::string text_;
};

}  // namespace slurper
