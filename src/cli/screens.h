// Screens: draws one screen of text after another.
#pragma once

#include <string>

#include "base/screen_text.h"
#include "cli/trace_print.h"

namespace slurper {

// On a terminal that can move its cursor, each is drawn over the one before. Whatever else the output is gets
// one after another.
class Screens {
 public:
  explicit Screens(int fd);

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  [[nodiscard]] ScreenSize size() const;
  // False if nothing more is wanted.
  bool draw(const std::string& screen);
  [[nodiscard]] int errnum() const { return output_.errnum(); }

 private:
  int fd_;
  TraceOutput output_;
  bool is_terminal_ = false;
  bool has_drawn_ = false;
};

}  // namespace slurper
