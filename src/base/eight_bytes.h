// Tests eight bytes of a text at once, in a 64-bit register.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slurper {

// The classic tests for a zero byte and for one below n, applied to all eight at once ("Bit Twiddling Hacks",
// haszero and hasless). Each result has the highest bit of some byte set if one of the bytes is meant, else
// it has no highest bit set; the other bits mean nothing. So results are combined with | and judged by any().
class EightBytes {
 public:
  static constexpr std::size_t kSize = 8;

  explicit EightBytes(const char* text) { std::memcpy(&word_, text, kSize); }
  void store(char* at) const { std::memcpy(at, &word_, kSize); }

  [[nodiscard]] std::uint64_t below(std::uint8_t n) const { return (word_ - every(n)) & ~word_; }  // n <= 128
  [[nodiscard]] std::uint64_t equal(std::uint8_t c) const {
    const std::uint64_t zero = word_ ^ every(c);
    return (zero - every(1)) & ~zero;
  }
  [[nodiscard]] std::uint64_t not_ascii() const { return word_; }
  [[nodiscard]] static bool any(std::uint64_t result) { return (result & every(0x80)) != 0; }

 private:
  static constexpr std::uint64_t every(std::uint8_t value) { return 0x0101'0101'0101'0101U * value; }

  std::uint64_t word_ = 0;
};

}  // namespace slurper
