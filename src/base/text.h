// Sizes and times as users write them, and other text for messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "slurper/result.h"

namespace slurper {

// "4096", "64KiB", "1.5GiB" (powers of 1024: KiB MiB GiB TiB), "10MB" (powers of 1000: kB KB MB GB TB),
// "12B". A blank may precede the unit. Empty if the text is anything else, is negative, or is above 2^63 - 1.
[[nodiscard]] std::optional<ByteSize> parse_byte_size(std::string_view text);

// "100ms", "1s", "1.5h": us ms s min (or m) h d w; "0" needs no unit. The result is rounded down to a
// millisecond. Empty if the text is anything else, is negative, or is above ten years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest exact form with a power of 1024 that parse_byte_size reads back: "64MiB", "1000B".
[[nodiscard]] std::string format(ByteSize size);

// The shortest exact form that parse_duration reads back: "1s", "1500ms", "1d".
[[nodiscard]] std::string format(std::chrono::milliseconds duration);

// For display: three significant digits, "1.43MiB". Can't be read back exactly.
[[nodiscard]] std::string format_rounded(ByteSize size);

// The first character of `text`, which is not empty: a UTF-8 sequence, or one byte if none begins there.
[[nodiscard]] std::string_view first_character(std::string_view text);

// Whether a terminal or a log viewer could take `character`, from first_character(), for a command instead of
// showing it: the control characters C0, DEL and C1, and each invalid byte.
[[nodiscard]] bool is_control_character(std::string_view character);

// Whether `character`, from first_character(), ends a line for some readers (U+2028, U+2029), or reverses the
// direction of the text after it (U+202A to U+202E, U+2066 to U+2069).
[[nodiscard]] bool is_invisible_character(std::string_view character);

// Appends each byte as \xNN.
void append_hex(std::string_view bytes, std::string& out);

// Appends `text`, its control and invisible characters written as \xNN.
void append_visible(std::string_view text, std::string& out);

// `text` with its control and invisible characters written as \xNN, and the backslash and the single quote
// escaped with a backslash.
[[nodiscard]] std::string printable(std::string_view text);

// `path` as a message shows it: printable, in single quotes. (Argument-dependent lookup would find
// std::quoted under that name.)
[[nodiscard]] std::string in_quotes(std::string_view path);

// "1 line", "2 lines"; "1 entry", "2 entries".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

// Counts the newlines in `text`, at the speed of memory.
[[nodiscard]] std::uint64_t count_lines(std::string_view text);

// The beginning of `text`, cut between two characters at about `max` bytes, and an ellipsis; all of `text` if
// it is not longer.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t max = 60);

// The length of the valid UTF-8 sequence (RFC 3629) at the start of `text`, which is not empty; 0 if there is
// none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// Whether all of `text` is valid UTF-8 (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text);

// Levenshtein's distance: insertions, deletions and substitutions of bytes. For "did you mean …?".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The largest distance at which `word` can be a typing error for another word.
[[nodiscard]] std::size_t max_edits(std::string_view word);

}  // namespace slurper
