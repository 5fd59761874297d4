#include "cli/tail_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/phrase_id.h"
#include "base/wrap.h"
#include "service/phrase_table.h"
#include "sink/format/for_terminal.h"

namespace slurper {

namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

}  // namespace

TailOutput::TailOutput(int fd, std::FILE* err)
    : fd_(fd), err_(err), is_terminal_(::isatty(fd) == 1), output_(fd) {}

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
  if (!has_failed_) has_failed_ = !output_.write(text_);
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

}  // namespace slurper
