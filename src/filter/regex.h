// Regex: a regular expression over bytes (RE2).
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace slurper {

// Finds a pattern anywhere in a text, in time that grows with the text's length only. The pattern is UTF-8,
// the text any bytes: '.' is one byte, so that a byte that is not UTF-8 hides nothing behind it. A character
// that is not ASCII stands for its bytes. Of the memory that it may take, kMaxMemory, the most is allocated
// bit by bit while it is used; when that is full, it begins anew. Any thread.
class Regex {
 public:
  static constexpr int kMaxMemory = 1 << 20;

  // Whether the pattern finds nothing but itself.
  [[nodiscard]] static bool is_plain(std::string_view pattern);

  // What is wrong with the pattern, in a few words.
  [[nodiscard]] static std::expected<Regex, std::string> compile(std::string_view pattern);

  [[nodiscard]] bool is_in(std::string_view text) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> regex) : regex_(std::move(regex)) {}
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace slurper
