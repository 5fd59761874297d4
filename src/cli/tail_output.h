// TailOutput: what `slurper tail` writes.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/stream_offset.h"
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
  // The errno of the write that failed; nothing is written after it. 0: none has.
  [[nodiscard]] int errnum() const { return errnum_; }

 private:
  const int fd_;
  std::FILE* const err_;
  const bool is_terminal_;
  std::string text_;
  int errnum_ = 0;
};

// "2026-11-30 12:00:00.123", local time.
[[nodiscard]] std::string local_time_text(Timestamp time);

}  // namespace slurper
