// Screens: one screen of text after another.
#pragma once

#include <string>

#include "base/screen_text.h"
#include "cli/stream_output.h"

namespace slurper {

// "21:04:05", local time.
[[nodiscard]] std::string time_of_day();

// A terminal is drawn over; whatever else the output is gets one screen after another.
class Screens {
 public:
  explicit Screens(int fd);

  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  // Without the last row, in which the cursor stands.
  [[nodiscard]] ScreenSize size() const;
  // False if nothing more is wanted.
  bool draw(const std::string& screen);
  [[nodiscard]] int errnum() const { return output_.errnum(); }

 private:
  int fd_;
  StreamOutput output_;
  bool is_terminal_ = false;
  bool has_drawn_ = false;
};

}  // namespace slurper
