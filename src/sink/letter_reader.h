// LetterReader: reads a dead-letter file line by line.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// One thread uses it.
class LetterReader {
 public:
  // `os` outlives it.
  LetterReader(Os& os, std::string path) : os_(os), path_(std::move(path)) {}

  // Returns the next line, without its newline, or nothing at the file's end. The first call opens the file.
  // The view is valid until the next call. Errors: those of open(2) and read(2).
  [[nodiscard]] Result<std::optional<std::string_view>> next();
  // Whether a newline ends the line that next() has returned.
  [[nodiscard]] bool is_ended() const { return is_ended_; }
  // Makes the next line the first again.
  void rewind();

 private:
  Os& os_;
  std::string path_;
  UniqueFd fd_;
  std::string text_;       // what was read: a line that was returned, and what follows
  std::size_t begin_ = 0;  // the next line's, in it
  bool is_ended_ = true;
};

}  // namespace slurper
