#include "cli/screens.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "base/local_time.h"

namespace slurper {

std::string time_of_day() {
  constexpr std::size_t kClock = 11;  // behind the date
  return local_time_text(std::chrono::system_clock::now()).substr(kClock, 8);
}

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
  // Each row is erased before it is written: after a character in the last column, the cursor stands on that,
  // and erasing the rest of the row would take the character.
  for (std::size_t begin = 0; begin < screen.size();) {
    const std::size_t end = std::min(screen.find('\n', begin), screen.size() - 1) + 1;
    text.append("\033[K").append(screen, begin, end - begin);
    begin = end;
  }
  return output_.write(text += "\033[J");
}

}  // namespace slurper
