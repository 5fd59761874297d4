#include "base/path_text.h"

namespace slurper {

std::string as_sentence(std::string text) {
  const bool ends = !text.empty() && std::string_view(".?!").find(text.back()) != std::string_view::npos;
  return ends ? text : text + '.';
}

namespace {

bool names_a_standard_stream(std::string_view text) {
  for (const std::string_view stream : {"/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty"}) {
    if (text == stream) return true;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (text.starts_with(folder)) return true;
  }
  return false;
}

// A letter of date(1) after a '%', unless it begins a word: "100%done" is a name.
bool has_a_date(std::string_view text) {
  constexpr std::string_view kLetters = "YymdHMSFTjs";
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    if (at + 1 == text.size()) return false;
    if (kLetters.find(text[at + 1]) == std::string_view::npos) continue;
    if (at + 2 == text.size() || !is_letter(text[at + 2])) return true;
  }
  return false;
}

bool has_a_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;
  const std::string_view rest = text.substr(colon + 1);
  const bool is_word = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz+") == colon;
  return is_word && (rest.starts_with("//") || text.starts_with("file:"));
}

// Knows the quotes of every language.
bool stands_in_typographic_quotes(std::string_view text) {
  for (const std::string_view quote :
       {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u00ab", "\u00bb"}) {
    if (text.starts_with(quote) || text.ends_with(quote)) return true;
  }
  return false;
}

}  // namespace

bool has_typographic_quotes(std::string_view text) {
  return text.contains("\u201c") || text.contains("\u201d") || text.contains("\u2018") ||
         text.contains("\u2019");
}

std::string path_mistake(std::string_view text) {
  if (text == "-")
    return "A '-' stands for no stream here: slurper reads a named pipe and writes a file. './-' is a file";
  if (names_a_standard_stream(text)) {
    return "This is one of slurper's own streams: name a pipe that mkfifo(1) makes, or a file; "
           "--sink stdout: copies the log to standard output";
  }
  if (stands_in_typographic_quotes(text)) return kPlainQuotes;
  if (has_a_scheme(text)) return "This is a URL: leave out all that stands before the path";
  if (text.starts_with("~/") || text.starts_with("$"))
    return "Only a shell knows '~' and '$': write the whole path";
  if (has_a_date(text)) {
    return "slurper puts no date into a name: log.rotate_every and log.rotate_size begin new segments, and "
           "name the old ones";
  }
  return {};
}

}  // namespace slurper
