// TailOutput: what `slurper tail` writes.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/stream_offset.h"
#include "cli/stream_output.h"
#include "log/log_reader.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// Lines go to a descriptor in large pieces, notes to another stream. Used by one thread.
class TailOutput {
 public:
  TailOutput(int fd, std::FILE* err);

  // `line` ends in a newline. A terminal gets its control characters in a form that it does not obey.
  void add(std::string_view line);
  void flush();
  // What was added comes before it.
  void note(const Phrase& phrase);
  void note(const Error& error);
  void note_gap(StreamOffset from, StreamOffset to, Gap why);

  [[nodiscard]] int fd() const { return fd_; }
  // Nothing is written after a write that failed.
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  // Why it failed; 0 if its reader has left, or none has failed.
  [[nodiscard]] int errnum() const { return output_.errnum(); }

 private:
  const int fd_;
  std::FILE* const err_;
  const bool is_terminal_;
  std::string text_;
  StreamOutput output_;
  bool has_failed_ = false;
};

}  // namespace slurper
