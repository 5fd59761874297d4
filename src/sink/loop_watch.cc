#include "sink/loop_watch.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/phrase_id.h"
#include "sink/loop_error.h"

namespace slurper {

namespace {

// Never returns 0, the hash of an empty slot.
std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text) | 1U;
}

}  // namespace

void LoopWatch::wrote(std::string_view line, const Record& record) {
  const bool is_raw = line == record.raw();
  const std::uint64_t hash = is_raw ? raw_hash(record) : hash_of(line);
  const SyslogHeader& header = record.header();
  const bool is_bare = line.size() <= header.message.size();
  writes_raw_ = writes_raw_ || is_raw;
  lines_[(hash >> 1) % kSlots] = {.hash = hash,
                                  .number = ++written_,
                                  .program = is_bare ? hash_of(header.program) : 0,
                                  .offset = record.offset()};
}

bool LoopWatch::closes_loop(const Record& record) {
  const SyslogHeader& header = record.header();
  if (header.format == HeaderFormat::None) return false;  // a syslogd would have added a header
  std::uint64_t hash = hash_of(header.message);
  Line line = recent(hash);
  // An unchanged line, with a header that has a time.
  if (line.hash == 0 && writes_raw_) line = recent(hash = raw_hash(record));
  if (line.hash == 0 || line.offset == record.offset()) return false;
  if (line.program == hash_of(header.program)) return false;
  if (line.number <= last_back_) {
    back_.clear();
    times_ = 0;
  }
  last_back_ = line.number;
  if (std::ranges::find(back_, hash) != back_.end()) return false;
  back_.push_back(hash);
  if (back_.size() < kLines) return false;
  back_.clear();
  return ++times_ >= kTimes;
}

LoopWatch::Line LoopWatch::recent(std::uint64_t hash) const {
  const Line& line = lines_[(hash >> 1) % kSlots];
  return line.hash == hash && written_ - line.number < kRecent ? line : Line{};
}

// Computed once, for what was read and for what is written.
std::uint64_t LoopWatch::raw_hash(const Record& record) {
  if (last_raw_.hash == 0 || last_raw_.offset != record.offset())
    last_raw_ = {.offset = record.offset(), .hash = hash_of(record.raw())};
  return last_raw_.hash;
}

void LoopWatch::forget() {
  *this = LoopWatch();
}

std::unexpected<Error> lines_came_back(Phrase what, const Record& last, Phrase advice) {
  constexpr std::uint64_t kProof = LoopWatch::kTimes * LoopWatch::kLines;
  return loop_error(std::move(what), {PhraseId::LinesCameBack, {{"lines", kProof}}}, last, std::move(advice));
}

}  // namespace slurper
