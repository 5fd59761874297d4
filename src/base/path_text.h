// Words about paths, for messages.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

// `text` with a full stop at its end, unless it ends with one of . ? !: for a text that another sentence
// follows.
[[nodiscard]] std::string as_sentence(std::string text);

// Why `text` can't be meant as the path of a file: "-", a standard stream, a URL, a date's letters (%Y), a
// '~', typographic quotes. A sentence without its full stop, with what to write instead; empty if it is a
// path.
[[nodiscard]] std::string path_mistake(std::string_view text);

// Whether `text` has a text processor's quotes, “ ” ‘ ’, which TOML does not know; and the advice for that.
[[nodiscard]] bool has_typographic_quotes(std::string_view text);
inline constexpr const char* kPlainQuotes = "Typographic quotes are no quotes: write \" instead";

}  // namespace slurper
