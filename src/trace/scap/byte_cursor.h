// ByteCursor: takes values from the front of bytes that may be anything.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace slurper {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a capture is little endian");

// Reads a number at `data`, aligned or not.
template <typename Number>
[[nodiscard]] Number load(const char* data) {
  Number number;
  std::memcpy(&number, data, sizeof number);
  return number;
}

// What is not there is zero or empty, and good() is false from then on.
class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  template <std::integral Number>
  Number take() {
    const std::string_view bytes = take_bytes(sizeof(Number));
    return bytes.size() == sizeof(Number) ? load<Number>(bytes.data()) : Number{};
  }
  std::string_view take_bytes(std::size_t size) {
    if (size > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  // A u16 length and its bytes.
  std::string_view take_string() { return take_bytes(take<std::uint16_t>()); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace slurper
