#include "cli/tail_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/local_time.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "base/wrap.h"
#include "service/phrase_table.h"
#include "sink/format/for_terminal.h"

namespace slurper {

namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

PhraseId reason_of(Gap why) {
  switch (why) {
    case Gap::Moved:
      return PhraseId::GapMoved;
    case Gap::Cut:
      return PhraseId::GapCut;
    case Gap::Damaged:
      return PhraseId::GapDamaged;
    case Gap::PowerLoss:
      return PhraseId::GapPowerLoss;
    case Gap::None:
    case Gap::Removed:
      break;
  }
  return PhraseId::GapRemoved;
}

}  // namespace

TailOutput::TailOutput(int fd, std::FILE* err) : fd_(fd), err_(err), is_terminal_(::isatty(fd) == 1) {}

void TailOutput::add(std::string_view line) {
  if (is_terminal_) {
    append_for_terminal(line.substr(0, line.size() - 1), text_);
    text_ += '\n';
  } else {
    text_ += line;
  }
  if (text_.size() >= kPiece) flush();
}

void TailOutput::flush() {
  for (std::string_view rest = text_; !rest.empty() && errnum_ == 0;) {
    const ssize_t count = kernel().write(fd_, rest.data(), rest.size());
    if (count < 0) {
      errnum_ = static_cast<int>(-count);
    } else {
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  text_.clear();
}

void TailOutput::note(const Phrase& phrase) {
  flush();
  fmt::print(err_, "{}", message_for(::fileno(err_), to_text(phrase)));
  (void)std::fflush(err_);  // who redirects both reads them in this order
}

void TailOutput::note(const Error& error) {
  flush();
  fmt::print(err_, "{}", message_for(::fileno(err_), to_text(error)));
  (void)std::fflush(err_);
}

void TailOutput::note_gap(StreamOffset from, StreamOffset to, Gap why) {
  note({PhraseId::LogHasGap,
        {{"from", from.value},
         {"to", to.value},
         {"size", ByteSize{to - from}},
         {"reason", Phrase(reason_of(why))}}});
}

std::string local_time_text(Timestamp time) {
  using std::chrono::floor;
  const auto second = floor<std::chrono::seconds>(time);
  const Timestamp local = time + local_offset(second);
  const auto day = floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::milliseconds>(local - day));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace slurper
