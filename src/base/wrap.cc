#include "base/wrap.h"

#include <unistd.h>

#include <algorithm>

#include "base/screen_text.h"

namespace slurper {

std::string wrap(std::string_view lead, std::string_view text, std::size_t columns) {
  std::string out(lead);
  const std::size_t indent = columns_of(lead);
  std::size_t column = indent;
  bool is_first = true;  // the word is the first of its line
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!is_first && column + 1 + columns_of(word) > columns) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
      is_first = true;
    }
    if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns_of(word);
    is_first = false;
  }
  return out + '\n';
}

std::string message_for(int fd, std::string_view text) {
  constexpr std::string_view kLead = "slurper: ";
  return ::isatty(fd) != 0 ? wrap(kLead, text) : std::string(kLead).append(text).append("\n");
}

}  // namespace slurper
