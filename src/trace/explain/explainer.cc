#include "trace/explain/explainer.h"

#include <algorithm>

#include "trace/own_events.h"

namespace slurper {

namespace {

// An incident repeats: a user does not read more than these.
constexpr std::uint64_t kMostOfAPattern = 25;

constexpr std::array<MakeRecogniser, 10> kRecognisers = {
    recognise_refused, recognise_full_pipes,  recognise_ends,  recognise_blocked, recognise_second_readers,
    recognise_torn,    recognise_thrown_away, recognise_leaks, recognise_sockets, recognise_identities};

class Explainer {
 public:
  explicit Explainer(bool with_notes) : with_notes_(with_notes) {
    for (const MakeRecogniser make : kRecognisers) recognisers_.push_back(make(history_, output_));
  }

  Explanation run(ScapReader& reader) {
    while (const std::optional<Block> block = reader.next()) take(*block, reader);
    for (const auto& one : recognisers_) one->end();
    std::ranges::stable_sort(result_.findings, {}, &TraceFinding::time);
    return std::move(result_);
  }

 private:
  void take(const Block& block, const ScapReader& reader) {
    if (!holds_event(block.type)) {
      if (!model_.take_table(block)) reader.report(DamageKind::BadEntry, block.offset, 0);
      return;
    }
    const std::optional<ScapEvent> raw = event_in(block);
    if (!raw) return reader.report(DamageKind::BadEvent, block.offset, 0);
    TraceEvent event;
    if (!model_.take(*raw, event)) return;  // of a type that only newer programs know
    if (event.raw.type == kDropsEvent) result_.lost += event.raw.number<std::uint64_t>(1);
    if ((raw->flags & kStateOnly) == 0) {
      result_.events += event.is_own ? 0 : 1;
      history_.take(event);
      for (const auto& one : recognisers_) one->take(event);
    }
    model_.finish(event);
  }

  void keep(TraceFinding finding) {
    ++(finding.is_harm ? result_.harm : result_.notes);
    if (!finding.is_harm && !with_notes_) return;
    auto& count = counts_[static_cast<std::size_t>(finding.pattern)];
    if (++count > kMostOfAPattern) {
      ++result_.left_out;
      return;
    }
    result_.findings.push_back(std::move(finding));
  }

  bool with_notes_;
  Model model_;
  History history_{model_};
  FindingOutput output_ = [this](TraceFinding finding) { keep(std::move(finding)); };
  std::vector<std::unique_ptr<Recogniser>> recognisers_;
  std::array<std::uint64_t, 32> counts_{};
  Explanation result_;
};

}  // namespace

Explanation explain(ScapReader& reader, bool with_notes) {
  return Explainer(with_notes).run(reader);
}

}  // namespace slurper
