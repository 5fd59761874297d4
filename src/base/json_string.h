// Texts and bytes as JSON has them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slurper {

// The most bytes that one byte of a text can become: \u001b, U+FFFD.
inline constexpr std::size_t kMaxJsonGrowth = 6;

// How many digits base64 has for so many bytes.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}

// Appends `text` as a JSON string in quotes. The result is valid UTF-8 and has printable characters only,
// whatever bytes the text has: U+FFFD replaces each one that is not valid UTF-8.
void append_json_string(std::string_view text, std::string& out);
// The same, without the quotes.
void append_json_text(std::string_view text, std::string& out);
// RFC 4648 section 4.
void append_base64(std::string_view bytes, std::string& out);

// The same for a buffer that has room for text.size() * kMaxJsonGrowth and base64_size() bytes. They return
// the end of what they have written. `damaged` is set if a byte was replaced, and left as it is otherwise.
[[nodiscard]] char* put_json_text(char* at, std::string_view text, bool& damaged);
[[nodiscard]] char* put_base64(char* at, std::string_view bytes);

}  // namespace slurper
