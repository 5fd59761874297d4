// Words about paths, for messages.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

// `text` with a full stop at its end, unless one of . ? ! stands there: for a sentence that goes on behind
// it.
[[nodiscard]] std::string as_sentence(std::string text);

// What is wrong with `text` as the path of a file, if it was certainly meant to be something else: "-", a
// standard stream, a URL, a date's letters (%Y), a '~', typographic quotes. A sentence without its full stop,
// and what to write instead; nothing if it is a path.
[[nodiscard]] std::string path_mistake(std::string_view text);

// Whether `text` has one of a text processor's quotes, “ ” ‘ ’, which TOML does not know; and the advice
// then.
[[nodiscard]] bool has_typographic_quotes(std::string_view text);
inline constexpr const char* kPlainQuotes = "Typographic quotes are no quotes: write \" instead";

}  // namespace slurper
