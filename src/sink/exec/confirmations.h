// Confirmations: how far a program has confirmed the lines of a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "slurper/sink.h"

namespace slurper {

enum class Confirm { None, Line, Transaction };

struct Rejection {
  std::uint64_t offset;  // of the record
  Phrase reason;
};

// Interprets the answers of rsyslog's omprog, and one of our own: REJECTED, for a line that must not be
// delivered again. docs/sinks/exec.md has the protocol. The answers have no numbers: the program answers one
// line after the other, in the order of the lines. Pure: it neither reads nor writes. One thread uses it.
class Confirmations {
 public:
  // Before and after the lines of a batch, if whole batches are confirmed.
  static constexpr std::string_view kBegin = "BEGIN TRANSACTION";
  static constexpr std::string_view kCommit = "COMMIT TRANSACTION";

  // At most `window` lines may be on their way without an answer.
  Confirmations(Confirm mode, std::size_t window) : mode_(mode), window_(window) {}

  [[nodiscard]] Confirm mode() const { return mode_; }

  // A new program runs, which has not answered its first OK yet.
  void begin_program();
  // Whether lines may be written: the program has answered its first OK, or it answers nothing.
  [[nodiscard]] bool ready() const { return ready_; }

  void begin_batch();
  // Adds the next line of the batch: a mark, or the line of the record at `record`.
  void add_line(std::uint64_t next_offset, std::optional<std::uint64_t> record);
  // The record at this offset has no line.
  void reject(std::uint64_t record, Phrase reason);

  // The next answer, of a program that was given `written` lines. Returns what is wrong with it; empty if
  // nothing is.
  [[nodiscard]] Phrase take_answer(std::string_view answer, std::size_t written);

  // How many lines more may be written, if `written` lines are.
  [[nodiscard]] std::size_t allowance(std::size_t written) const;
  [[nodiscard]] std::size_t answered() const { return answered_; }
  [[nodiscard]] bool all_answered() const { return answered_ == lines_.size(); }
  // The offset before which everything is confirmed; empty if nothing of the batch is.
  [[nodiscard]] std::optional<std::uint64_t> confirmed() const;
  // In the order of their answers.
  [[nodiscard]] std::vector<Rejection> take_rejections();

 private:
  struct Line {
    std::uint64_t next_offset;
    std::optional<std::uint64_t> record;
  };

  [[nodiscard]] Phrase judge(const Line& line, std::string_view answer);

  Confirm mode_;
  std::size_t window_;
  bool ready_ = false;
  std::vector<Line> lines_;
  std::vector<Rejection> rejected_;
  std::size_t answered_ = 0;   // lines
  std::size_t confirmed_ = 0;  // lines
};

}  // namespace slurper
