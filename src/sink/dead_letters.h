// DeadLetters: keeps the records that a destination refused for good.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/os.h"
#include "log/slot_file.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// Turns a phrase into words. The composition root passes it, because the words are in a higher layer.
using PhraseRenderer = std::string (*)(const Phrase&);

// A file beside the log that holds what a sink could not deliver, one JSON object a line: docs/sinks.md. It
// is created with the first such record. One thread uses it.
class DeadLetters {
 public:
  // `os` outlives it.
  DeadLetters(Os& os, std::string path, const FileAccess& access, PhraseRenderer render)
      : os_(os), path_(std::move(path)), access_(access), render_(render) {}

  // Writes the record in one write(2), before it counts as delivered. After a crash the record may be there
  // twice, but it is never lost. A line that a crash has cut short is ended first.
  [[nodiscard]] Status append(std::string_view sink, const Record& record, const Phrase& reason);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Status open();

  Os& os_;
  std::string path_;
  FileAccess access_;
  PhraseRenderer render_;
  UniqueFd fd_;
};

}  // namespace slurper
