// A line of a dead-letter file, which others may have written; and any line of a log as a dead letter.
#include "fuzz/fuzz.h"
#include "record/syslog_header.h"
#include "sink/dead_letter.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slurper::fuzz::require;
  const std::string_view text = slurper::fuzz::as_text(data, size);
  if (const auto letter = slurper::parse_dead_letter(text))
    require(!letter->line.contains('\n'), "it is one line");
  if (text.contains('\n')) return 0;
  const slurper::LogId log{};
  const slurper::Record record(log, 0, size + 1, text, slurper::Part::Whole, {},
                               &slurper::parse_syslog_header);
  std::string written = slurper::format_dead_letter("sink", record, "reason");
  require(written.ends_with('\n'), "it is a line");
  written.pop_back();
  require(!written.contains('\n'), "it is one line");
  const auto read = slurper::parse_dead_letter(written);
  require(read && read->line == text, "what is written is read back");
  return 0;
}
