#include "cli/syslogd_text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace slurper {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::size_t line_at(std::string_view text, std::size_t position) {
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
}

// Returns the text between an opening parenthesis and its closing one.
std::string_view body_at(std::string_view text, std::size_t begin) {
  char quote = 0;
  int depth = 1;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      return text.substr(begin, i - begin);
    }
  }
  return text.substr(begin);
}

}  // namespace

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view without_blanks_in_front(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

std::string without_comments(std::string_view text) {
  std::string out(text);
  char quote = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    if (c == '\n') {
      quote = 0;  // an unclosed quote is an apostrophe
    } else if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      for (; i < out.size() && out[i] != '\n'; ++i) out[i] = ' ';
    } else if (c == '/' && i + 1 < out.size() && out[i + 1] == '*') {
      const std::size_t end = std::min(out.find("*/", i + 2), out.size() - 2) + 2;
      for (; i < end; ++i) {
        if (out[i] != '\n') out[i] = ' ';
      }
      --i;
    }
  }
  return out;
}

std::vector<Call> calls(std::string_view text, std::string_view name) {
  std::vector<Call> found;
  const std::string lowered = lower(text);
  for (std::size_t at = lowered.find(name); at != std::string::npos; at = lowered.find(name, at + 1)) {
    if (at > 0 && is_word(lowered[at - 1])) continue;
    const std::size_t open = lowered.find_first_not_of(kBlanks, at + name.size());
    if (open == std::string::npos || lowered[open] != '(') continue;
    found.push_back({at, line_at(text, at), body_at(text, open + 1)});
  }
  return found;
}

std::string first_value(std::string_view text) {
  text = without_blanks_in_front(text);
  if (text.empty()) return "";
  if (text.front() == '"' || text.front() == '\'') {
    const std::size_t end = text.find(text.front(), 1);
    return std::string(text.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  return std::string(text.substr(0, text.find_first_of(" \t\r\n;,)")));
}

std::map<std::string, std::string> parameters(std::string_view body) {
  std::map<std::string, std::string> found;
  while (true) {
    const std::size_t equals = body.find('=');
    if (equals == std::string_view::npos) return found;
    std::string_view name = body.substr(0, equals);
    while (!name.empty() && kBlanks.find(name.back()) != std::string_view::npos) name.remove_suffix(1);
    const auto begin = std::find_if_not(name.rbegin(), name.rend(), is_word).base();
    const std::string_view rest = without_blanks_in_front(body.substr(equals + 1));
    const std::string value = first_value(rest);
    found[lower(std::string_view(begin, name.end()))] = value;
    const bool is_quoted = !rest.empty() && (rest.front() == '"' || rest.front() == '\'');
    body = rest.substr(std::min(rest.size(), value.size() + (is_quoted ? 2 : 0)));
  }
}

// /var/run is a link to /run on nearly every system.
std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  if (text.starts_with("/var/run/")) text.erase(0, 4);
  return text;
}

bool is_same(const std::string& a, const std::string& b) {
  return !a.empty() && normal(a) == normal(b);
}

}  // namespace slurper
