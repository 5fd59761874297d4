// DeadLetters: keeps the records that a destination refused for good.
#pragma once

#include <chrono>
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
// is created with the first such record. `slurper replay` moves it away at any time: what was written to a
// file that is no longer at the path is written again, to the next one. One thread uses it.
class DeadLetters {
 public:
  // `os` outlives it.
  DeadLetters(Os& os, std::string path, const FileAccess& access, PhraseRenderer render)
      : os_(os), path_(std::move(path)), access_(access), render_(render) {}

  // Writes the record in one write(2), before it counts as delivered. After a crash the record may be there
  // twice, but it is never lost. The beginning of a letter that a kill or a full disk has cut short is
  // removed first: its record did not count, and comes again.
  [[nodiscard]] Status append(std::string_view sink, const Record& record, const Phrase& reason);

  // Writes a line of such a file, which ends with a newline, in the same way.
  [[nodiscard]] Status append_line(std::string_view line);
  // Makes what was written durable.
  [[nodiscard]] Status sync();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] Status open();
  [[nodiscard]] Status mend(bool is_alone);
  [[nodiscard]] bool is_at_path() const;

  Os& os_;
  std::string path_;
  FileAccess access_;
  PhraseRenderer render_;
  UniqueFd fd_;
  std::chrono::milliseconds lock_patience_ = kLockPatience;
};

}  // namespace slurper
