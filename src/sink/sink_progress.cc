#include "sink/sink_progress.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kShortestSync = 1s;  // between syncs of the cursor: each costs a disk flush

}  // namespace

SinkProgress::SinkProgress(const SinkLog& log, std::string name, RecordSource& source, StreamOffset began_at,
                           OnReset on_reset, std::function<bool()> stops, Say say)
    : log_(log),
      name_(std::move(name)),
      source_(source),
      began_at_(began_at),
      on_reset_(on_reset),
      stops_(std::move(stops)),
      say_(std::move(say)) {}

Status SinkProgress::open(StartAt start) {
  if (!cursor_) {
    Result<CursorFile> cursor = CursorFile::open(log_.os, log_.paths, name_, log_.ids, log_.access);
    if (!cursor) return std::unexpected(cursor.error());
    for (const auto& damage : cursor->damage())
      say_(Level::Warning, {PhraseId::CursorSlotDamaged, {{"damage", damage}}});
    if (const auto& record = cursor->record()) {
      acked_ = record->offset.value;
      rejected_ = record->rejected;
      missed_ = record->missed;
      delivered_ = record->delivered;
      set_by_hand_ = record->set_by_hand;
      is_renamed_ = record->is_renamed;
    }
    cursor_.emplace(std::move(*cursor));
  }
  if (!cursor_->record()) {
    const Result<StreamOffset> begin =
        start == StartAt::End ? source_.line_begin(began_at_, stops_) : source_.oldest();
    if (!begin) return std::unexpected(begin.error());
    acked_ = begin->value;
    line_.reset();
    if (Status saved = save(true); !saved) return saved;
  }
  has_begun_ = true;
  return {};
}

Result<StreamOffset> SinkProgress::resume_at(const std::optional<Reached>& answer) {
  line_.reset();
  Result<StreamOffset> chosen = choose_offset(answer);
  if (chosen) acked_ = chosen->value;
  return chosen;
}

// Returns the offset to continue at: the cursor, or the destination's answer if it has one. After the last
// record that the destination took there may be any number of lines that the filter rejected. So an answer
// before the cursor is normal, unless it is also before the end of that record: then the destination has
// lost what it had.
Result<StreamOffset> SinkProgress::choose_offset(const std::optional<Reached>& answer) {
  const StreamOffset noted = cursor_->record()->offset;  // for a split line, its beginning
  if (const StreamOffset end = log_.feed.end(); noted > end) {
    return fail(ErrorKind::Data, PhraseId::ContinueAtCursor,
                {PhraseId::CursorBeyondLog, {{"offset", noted.value}, {"end", end.value}}},
                {PhraseId::RestoreLogOrSetCursor, {{"command", how_to_set_cursor(log_.paths, name_)}}});
  }
  if (!answer || set_by_hand_) return noted;
  const StreamOffset has{answer->offset};
  const auto instead = check_answer(*answer, noted);
  // An answer about lines of the log's new id, or of this machine alone, is right. Any other one is about
  // what the destination had before, and not about this log.
  const bool is_wrong = !instead && instead.error().kind == ErrorKind::Data;
  if (is_renamed_ && (has.value == 0 || is_wrong)) return noted;
  if (!instead) return std::unexpected(instead.error());
  if (*instead) return **instead;
  if (has < noted && delivered_ && has >= *delivered_) return noted;
  const bool has_lost = has < noted && delivered_;
  const auto lost = [has, had = delivered_.value_or(has)](PhraseId id) {
    return Phrase{id, {{"before", had.value}, {"now", has.value}}};
  };
  if (has_lost && on_reset_ == OnReset::Stop) {
    return fail(ErrorKind::Data, PhraseId::ContinueAfterAnswer, lost(PhraseId::DestinationLostLines),
                {PhraseId::RestoreDestination, {{"command", how_to_set_cursor(log_.paths, name_)}}});
  }
  const bool goes_back = has < noted && !(has_lost && on_reset_ == OnReset::Continue);
  const auto before = std::exchange(delivered_, has);
  const StreamOffset resumed = goes_back || has > noted ? has : noted;
  // Save it at once: a later failure must not bring back the cursor that is too far ahead, nor the report.
  if (has < noted) {
    acked_ = resumed.value;
    if (Status saved = save(true); !saved) {
      acked_ = noted.value;
      delivered_ = before;
      return std::unexpected(std::move(saved.error()));
    }
  }
  if (goes_back) passed_once_ = std::max(passed_once_, noted);
  if (has_lost) {
    went_back_ = went_back_ || goes_back;
    say_(Level::Warning, lost(goes_back ? PhraseId::DestinationWentBack : PhraseId::DestinationNotRefilled));
  }
  return resumed;
}

// Another writer of the destination can forge its answer, and a wrong one would skip what was never
// delivered. Returns the offset to use instead of the answer, if there is one.
Result<std::optional<StreamOffset>> SinkProgress::check_answer(const Reached& answer,
                                                               StreamOffset noted) const {
  const StreamOffset has{answer.offset};
  constexpr MachineId kUnknown{};
  if (answer.machine != kUnknown && log_.machine != kUnknown && answer.machine != log_.machine)
    return wrong_answer(answer, {PhraseId::AnswerOfOtherMachine,
                                 {{"there", Uuid(answer.machine)}, {"here", Uuid(log_.machine)}}});
  if (const StreamOffset end = log_.feed.end(); has > end)
    return wrong_answer(answer, {PhraseId::AnswerBeyondLog, {{"end", end.value}}});
  const Result<RecordSource::Place> place = source_.place_of(has, stops_);
  // A damaged segment can't prove that the answer is wrong.
  if (!place && place.error().kind == ErrorKind::Data) return std::nullopt;
  if (!place) return std::unexpected(place.error());
  if (place->begins_a_record) {
    if (Status same = check_last_record(answer); !same) return std::unexpected(same.error());
    return std::nullopt;
  }
  // The cursor is at the beginning of that line, so nothing is skipped, and at most this line is delivered
  // again. Such an answer is correct if max_line has changed since.
  if (place->line == noted) return noted;
  return wrong_answer(answer, {PhraseId::AnswerInLine, {{"line", place->line.value}}});
}

// The destination may have the lines of another history of this log: the log was restored from a backup and
// has gone on differently, or it was copied with its machine, and the copy delivers to the same destination.
Status SinkProgress::check_last_record(const Reached& answer) const {
  if (answer.checksum == 0) return {};
  const Result<std::uint32_t> ours = source_.checksum_before(StreamOffset{answer.offset}, stops_);
  if (!ours) return std::unexpected(ours.error());
  if (*ours == 0 || *ours == answer.checksum) return {};
  return wrong_answer(answer, {PhraseId::AnswerOfOtherLine, {{"there", answer.checksum}, {"here", *ours}}});
}

std::unexpected<Error> SinkProgress::wrong_answer(const Reached& answer, Phrase why) const {
  const Phrase identity(PhraseId::NewIdentityCommand, {{"log", QuotedText{log_.paths.active()}}});
  return fail(ErrorKind::Data, PhraseId::ContinueAfterAnswer, why.with({"answer", answer.offset}),
              {PhraseId::CheckDestination,
               {{"identity", identity}, {"cursor", how_to_set_cursor(log_.paths, name_)}}});
}

Result<std::uint64_t> SinkProgress::move_to(StreamOffset place) {
  const StreamOffset before{acked_};
  const StreamOffset passed = std::max(before, passed_once_);
  const std::uint64_t skipped = place > passed ? place - passed : 0;
  const auto delivered = std::exchange(delivered_, StreamOffset{});
  const auto line = std::exchange(line_, std::nullopt);
  const bool set_by_hand = std::exchange(set_by_hand_, true);
  acked_ = place.value;
  missed_ += skipped;
  if (Status saved = save(true); !saved) {
    acked_ = before.value;
    missed_ -= skipped;
    delivered_ = delivered;
    line_ = line;
    set_by_hand_ = set_by_hand;
    return std::unexpected(std::move(saved.error()));
  }
  passed_once_ = std::max(passed, place);
  went_back_ = went_back_ || place < before;
  return skipped;
}

void SinkProgress::note_gap(const RecordSource::Missing& missing) {
  if (missing.bytes == 0) return;
  // The sink did not miss this: the log never held it durably, and most of it was never handed out.
  if (missing.why == Gap::PowerLoss) {
    return say_(Level::Info, {PhraseId::ContinuesAfterLoss, {{"offset", missing.up_to.value}}});
  }
  const StreamOffset from{missing.up_to.value - missing.bytes};
  const StreamOffset passed_up_to = std::clamp(passed_once_, from, missing.up_to);
  if (passed_up_to > from && went_back_) {
    say_(Level::Error, {PhraseId::CannotDeliverAgain,
                        {{"from", from.value},
                         {"to", passed_up_to.value},
                         {"size", ByteSize{passed_up_to - from}},
                         {"reason", Phrase(reason_of(missing.why))}}});
  } else if (passed_up_to > from) {
    say_(Level::Info, {PhraseId::PassedIsGone, {{"from", from.value}, {"to", passed_up_to.value}}});
  }
  // Each byte counts once, however often the sink comes back to the gap: after a failure, a pause or a
  // rewind.
  const StreamOffset counted_up_to = std::clamp(missed_up_to_, passed_up_to, missing.up_to);
  if (counted_up_to == missing.up_to) return;
  missed_ += missing.up_to - counted_up_to;
  missed_up_to_ = missing.up_to;
  say_(Level::Error,
       {PhraseId::CameTooLate,
        {{"size", ByteSize{missing.up_to - counted_up_to}}, {"reason", Phrase(reason_of(missing.why))}}});
}

Status SinkProgress::reach(StreamOffset offset, std::optional<StreamOffset> line) {
  if (offset.value <= acked_) return {};
  acked_ = offset.value;
  line_ = line;
  set_by_hand_ = false;
  return save(Clock::now() >= sync_due_);
}

Status SinkProgress::save(bool surely) {
  const bool syncs = surely && log_.sync.mode != SyncMode::None;
  CursorRecord record = cursor_->record().value_or(CursorRecord{});
  record.offset = line_ ? std::min(*line_, StreamOffset{acked_}) : StreamOffset{acked_};
  record.rejected = rejected_;
  record.missed = missed_;
  record.delivered = delivered_;
  record.set_by_hand = set_by_hand_;
  record.is_renamed = is_renamed_;
  if (Status written = cursor_->write(record, syncs ? Durability::Synced : Durability::Cached); !written)
    return written;
  unsynced_ = !surely;
  if (surely) sync_due_ = Clock::now() + std::max<Clock::duration>(log_.sync.period, kShortestSync);
  return {};
}

Status SinkProgress::sync_at_end() {
  return cursor_ && cursor_->record() ? save(true) : Status();
}

// A failure is retried without limit: the sink needs the file only at the next start.
void SinkProgress::follow_log() {
  const std::uint64_t renewals = log_.feed.renewals();
  if (renewals == renewals_) return;
  const Status renewed = cursor_ ? cursor_->follow_path(log_.paths, log_.access) : Status();
  if (renewed) {
    renewals_ = renewals;
    renewal_failure_.reset();
  } else if (renewed.error() != renewal_failure_) {
    say_(Level::Error, as_phrase(renewed.error(), PhraseId::CursorNotMoved));
    renewal_failure_ = renewed.error();
  }
}

void SinkProgress::fill(SinkStatus& status) const {
  status.acked = acked_;
  status.rejected = rejected_;
  status.missed = missed_;
  status.has_begun = has_begun_;
}

}  // namespace slurper
