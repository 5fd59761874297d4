#include "sink/exec/confirmations.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/contract.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

Phrase with_answer(PhraseId id, std::string_view answer) {
  return {id, {{"answer", QuotedText{std::string(answer)}}}};
}

}  // namespace

void Confirmations::begin_program() {
  ready_ = mode_ == Confirm::None;
  begin_batch();
}

void Confirmations::begin_batch() {
  lines_.clear();
  rejected_.clear();
  answered_ = confirmed_ = 0;
}

void Confirmations::add_line(std::uint64_t next_offset, std::optional<std::uint64_t> record) {
  lines_.push_back({.next_offset = next_offset, .record = record});
}

void Confirmations::reject(std::uint64_t record, Phrase reason) {
  rejected_.push_back({.offset = record, .reason = std::move(reason)});
}

Phrase Confirmations::take_answer(std::string_view answer, std::size_t written) {
  // Dots show that the program is alive.
  answer.remove_prefix(std::min(answer.find_first_not_of('.'), answer.size()));
  if (!ready_) {
    ready_ = answer == "OK";
    return ready_ ? Phrase() : with_answer(PhraseId::AnsweredAtStart, answer);
  }
  SLURPER_ASSERT(answered_ <= written && written <= lines_.size());
  if (answered_ == written) return with_answer(PhraseId::AnsweredUnasked, answer);
  Phrase wrong = judge(lines_[answered_], answer);
  if (wrong.empty()) ++answered_;
  return wrong;
}

Phrase Confirmations::judge(const Line& line, std::string_view answer) {
  constexpr std::string_view kRejected = "REJECTED";
  const bool within = mode_ == Confirm::Transaction && line.record;
  if (answer == "OK") {
    confirmed_ = answered_ + 1;
  } else if (within && answer == "PREVIOUS_COMMITTED") {
    confirmed_ = answered_;
  } else if (line.record && answer.starts_with(kRejected)) {
    answer.remove_prefix(kRejected.size());
    answer.remove_prefix(std::min(answer.find_first_not_of(": "), answer.size()));
    reject(*line.record, own_words(std::string(answer)));
    if (!within) confirmed_ = answered_ + 1;
  } else if (!within || answer != "DEFER_COMMIT") {
    return with_answer(PhraseId::Answered, answer);
  }
  return {};
}

std::size_t Confirmations::allowance(std::size_t written) const {
  const std::size_t unanswered = written - answered_;
  return unanswered >= window_ ? 0 : window_ - unanswered;
}

std::optional<std::uint64_t> Confirmations::confirmed() const {
  if (confirmed_ == 0) return std::nullopt;
  return lines_[confirmed_ - 1].next_offset;
}

std::vector<Rejection> Confirmations::take_rejections() {
  return std::exchange(rejected_, {});
}

}  // namespace slurper
