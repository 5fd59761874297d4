#include "log/verify_offsets.h"

#include <algorithm>
#include <utility>

#include "base/phrase_id.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

class OffsetCheck {
 public:
  OffsetCheck(const LogPaths& paths, LogVerification& log) : paths_(paths), log_(log) {}

  void check(StreamOffset active_base) {
    const StreamOffset first = log_.segments.empty() ? active_base : log_.segments.front().base;
    if (first > StreamOffset{}) note({PhraseId::BeginsLater, {{"size", first.value}}});
    StreamOffset expected = first;
    const VerifiedSegment* before = nullptr;
    for (const VerifiedSegment& segment : log_.segments) {
      // The active segment comes last, and a file that is no segment may have the name of one beyond it: the
      // gap before that shows it.
      if (before != nullptr && segment.base >= before->base && segment.base < expected)
        overlap(*before, segment);
      check_gap(expected, segment.base);
      expected = std::max(expected, segment.base + segment.bytes);
      before = &segment;
    }
    check_gap(expected, active_base);
  }

 private:
  void problem(Phrase phrase) { log_.problems.push_back(std::move(phrase)); }
  void note(Phrase phrase) { log_.notes.push_back(std::move(phrase)); }

  QuotedText file_of(const VerifiedSegment& segment) const {
    switch (segment.kind) {
      case VerifiedSegment::Kind::Raw:
        return name_of(paths_.rotated(segment.base));
      case VerifiedSegment::Kind::Compressed:
        return name_of(paths_.compressed(segment.base));
      case VerifiedSegment::Kind::Active:
        break;
    }
    return name_of(paths_.active());
  }

  void overlap(const VerifiedSegment& before, const VerifiedSegment& segment) {
    const std::uint64_t size = segment.base - before.base;
    const bool is_compressed = before.kind == VerifiedSegment::Kind::Compressed;
    const Phrase mend(is_compressed ? PhraseId::RestoreWhole : PhraseId::CutItBack,
                      {{"file", file_of(before)}, {"size", size}});
    problem({PhraseId::SegmentsOverlap,
             {{"from", segment.base.value},
              {"end", (before.base + before.bytes).value},
              {"file", file_of(segment)},
              {"mend", mend}}});
  }

  void check_gap(StreamOffset expected, StreamOffset base) {
    while (expected < base) {
      const std::optional<StreamNote> known = next_noted(expected);
      const StreamOffset known_from = known ? std::min(known->offset, base) : base;
      if (known_from > expected) {
        problem({PhraseId::OffsetsMissing,
                 {{"from", expected.value},
                  {"to", known_from.value},
                  {"size", known_from - expected},
                  {"file", name_of(paths_.rotated(expected))}}});
      }
      expected = known ? std::min(known->end(), base) : base;
      if (known && known_from < expected) note(explain(known_from, expected, known->kind));
    }
  }

  // Returns the first gap at or after `from` that the index has noted.
  std::optional<StreamNote> next_noted(StreamOffset from) const {
    if (!log_.index) return std::nullopt;
    if (log_.index->forgotten_before > from)
      return StreamNote{NoteKind::Cut, from, log_.index->forgotten_before - from};
    return log_.index->next_noted(from);
  }

  static Phrase explain(StreamOffset from, StreamOffset to, NoteKind kind) {
    PhraseId id = PhraseId::OffsetsRemoved;
    if (kind == NoteKind::Moved) id = PhraseId::OffsetsMoved;
    if (kind == NoteKind::PowerLoss) id = PhraseId::OffsetsLost;
    return {id, {{"from", from.value}, {"to", to.value}}};
  }

  const LogPaths& paths_;
  LogVerification& log_;
};

}  // namespace

void check_offsets(const LogPaths& paths, StreamOffset active_base, LogVerification& log) {
  OffsetCheck(paths, log).check(active_base);
}

}  // namespace slurper
