#include "sink/format/for_terminal.h"

#include "base/text.h"
#include "sink/format/syslog_format.h"

namespace slurper {

void append_for_terminal(std::string_view line, std::string& out) {
  while (!line.empty()) {
    const std::string_view character = first_character(line);
    if (character != "\t" && is_control_character(character)) {
      for (const char byte : character) append_octal(byte, out);
    } else {
      out += character;
    }
    line.remove_prefix(character.size());
  }
}

}  // namespace slurper
