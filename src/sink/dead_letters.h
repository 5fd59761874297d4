// DeadLetters: the records that a destination refused for good.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/os.h"
#include "log/slot_file.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// A file beside the log that holds what a sink could not deliver, an object of JSON on a line of its own
// each: docs/sinks.md. Made with the first. One thread.
class DeadLetters {
 public:
  // `os` outlives it.
  DeadLetters(Os& os, std::string path, const FileAccess& access)
      : os_(os), path_(std::move(path)), access_(access) {}

  // In one write(2), before the record counts as delivered: after a crash it may be there twice, never not at
  // all. A line that a crash has cut short is ended first.
  [[nodiscard]] Status append(std::string_view sink, const Record& record, std::string_view reason);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Status open();

  Os& os_;
  std::string path_;
  FileAccess access_;
  UniqueFd fd_;
};

}  // namespace slurper
