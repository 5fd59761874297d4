// LetterOrigins: where the lines of a replay's log come from.
#pragma once

#include <cstdint>
#include <string>

#include "sink/dead_letter.h"
#include "sink/letter_reader.h"
#include "slurper/record.h"

namespace slurper {

// A replay makes a log of dead letters (Replay). What is refused again is a dead letter of the log of which
// it was one at first: the operator, and the destination's own reports, know it by that log's id and offset.
// One thread uses it.
class LetterOrigins {
 public:
  // `letters` is the file of which the log was made; `os` outlives it.
  LetterOrigins(Os& os, std::string letters) : reader_(os, std::move(letters)) {}

  // Returns the record as it was in its own log, or unchanged if the letters do not tell. Valid until the
  // next call, and as long as `record`. Quick if the records come in the order of the log.
  [[nodiscard]] Record of(const Record& record);

 private:
  [[nodiscard]] bool find(std::uint64_t offset);

  LetterReader reader_;
  DeadLetter letter_;        // whose line is from begin_ to end_ in the replay's log
  std::uint64_t begin_ = 0;  // equal to end_: none
  std::uint64_t end_ = 0;
};

}  // namespace slurper
