#include "cli/screens.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace slurper {

Screens::Screens(int fd) : fd_(fd), output_(fd) {
  const char* const terminal = std::getenv("TERM");
  is_terminal_ = ::isatty(fd) != 0 && terminal != nullptr && terminal != std::string_view("dumb");
}

ScreenSize Screens::size() const {
  constexpr ScreenSize kLeast{.rows = 4, .columns = 20};
  ScreenSize size;
  winsize window{};
  if (::ioctl(fd_, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0)
    size = {.rows = window.ws_row, .columns = window.ws_col};
  return {.rows = std::max(size.rows - 1, kLeast.rows), .columns = std::max(size.columns, kLeast.columns)};
}

bool Screens::draw(const std::string& screen) {
  if (!is_terminal_) return output_.write(screen + "\n");
  std::string text = has_drawn_ ? "\033[H" : "\033[H\033[2J";
  has_drawn_ = true;
  for (const char letter : screen)
    text += letter == '\n' ? std::string_view("\033[K\n") : std::string_view(&letter, 1);
  return output_.write(text += "\033[J");
}

}  // namespace slurper
