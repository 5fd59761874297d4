#include "base/wrap.h"

#include <unistd.h>

#include <algorithm>

namespace slurper {

std::string wrap(std::string_view lead, std::string_view text, std::size_t columns) {
  std::string out(lead);
  std::size_t column = lead.size();
  bool is_first = true;  // the word is the first of its line
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!is_first && column + 1 + word.size() > columns) {
      out += '\n' + std::string(lead.size(), ' ');
      column = lead.size();
      is_first = true;
    }
    if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    is_first = false;
  }
  return out + '\n';
}

std::string message_for(int fd, std::string_view text) {
  constexpr std::string_view kLead = "slurper: ";
  return ::isatty(fd) != 0 ? wrap(kLead, text) : std::string(kLead).append(text).append("\n");
}

}  // namespace slurper
