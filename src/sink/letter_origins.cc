#include "sink/letter_origins.h"

#include <utility>

#include "record/syslog_header.h"

namespace slurper {

Record LetterOrigins::of(const Record& record) {
  if (!find(record.offset()) || !letter_.place) return record;
  const DeadLetter::Place& place = *letter_.place;
  const std::uint64_t offset = place.offset + (record.offset() - begin_);
  // A line that max_line splits now was whole, or is split more.
  const Part part = record.part() == Part::Whole ? place.part : record.part();
  return {place.log_id,        offset, offset + (record.next_offset() - record.offset()),
          record.raw(),        part,   letter_.arrival.value_or(record.arrival()),
          &parse_syslog_header};
}

// Each letter's line, with a newline, follows the one before in the log. What can't be read has no place.
bool LetterOrigins::find(std::uint64_t offset) {
  if (offset < begin_) {
    reader_.rewind();
    begin_ = end_ = 0;
  }
  while (end_ <= offset) {
    const auto text = reader_.next();
    if (!text || !*text) return false;
    std::optional<DeadLetter> letter = parse_dead_letter(**text);
    if (!letter) continue;
    letter_ = std::move(*letter);
    begin_ = end_;
    end_ += letter_.line.size() + 1;
  }
  return true;
}

}  // namespace slurper
