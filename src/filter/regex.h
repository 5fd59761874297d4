// Regex: a regular expression over bytes (RE2).
#pragma once

#include <expected>
#include <memory>
#include <string_view>

#include "slurper/result.h"

namespace re2 {
class RE2;
}

namespace slurper {

// Finds a pattern anywhere in a text, in time that grows only with the text's length. The pattern is UTF-8,
// the text any bytes: '.' is one byte, so that an invalid byte does not hide the text after it. A character
// that is not ASCII stands for its bytes. RE2 allocates most of its memory (kMaxMemory) step by step while it
// runs, and starts over if that is full. Any thread may call it.
class Regex {
 public:
  static constexpr int kMaxMemory = 1 << 20;

  // Whether the pattern is plain text that matches only itself.
  [[nodiscard]] static bool is_plain(std::string_view pattern);

  // The error says what is wrong with the pattern.
  [[nodiscard]] static std::expected<Regex, Phrase> compile(std::string_view pattern);

  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> regex) : regex_(std::move(regex)) {}
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace slurper
