#include "trace/explain/explainer.h"

#include <algorithm>
#include <utility>

#include "trace/explain/waits.h"
#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::array<MakeRecogniser, 11> kRecognisers = {
    recognise_refused, recognise_full_pipes,     recognise_ends,      recognise_blocked,
    recognise_waiting, recognise_second_readers, recognise_torn,      recognise_thrown_away,
    recognise_leaks,   recognise_sockets,        recognise_identities};

}  // namespace

Explainer::Explainer(const Model& model, Notes notes, FindingOutput output)
    : notes_(notes),
      output_(std::move(output)),
      keep_([this](TraceFinding finding) { keep(std::move(finding)); }),
      history_(model) {
  for (const MakeRecogniser make : kRecognisers) recognisers_.push_back(make(history_, keep_));
}

Explainer::~Explainer() = default;

void Explainer::take(const TraceEvent& event) {
  if (event.raw.type == kDropsEvent) result_.lost += event.raw.number<std::uint64_t>(1);
  result_.events += event.is_own ? 0 : 1;
  history_.take(event);
  for (const auto& one : recognisers_) one->take(event);
}

std::vector<Statement> Explainer::waits_of(const TraceEvent& call) {
  if (call.is_exit() && call.enter == nullptr) return {};  // when it began is not in the capture
  return sentences_of(chain_of(history_, call));
}

Explanation Explainer::end() {
  for (const auto& one : recognisers_) one->end();
  std::ranges::stable_sort(result_.findings, {}, &TraceFinding::time);
  return std::move(result_);
}

void Explainer::keep(TraceFinding finding) {
  ++(finding.is_harm ? result_.harm : result_.notes);
  if (finding.is_harm && output_) output_(finding);
  if (!finding.is_harm && notes_ == Notes::Counted) return;
  auto& count = counts_[static_cast<std::size_t>(finding.pattern)];
  if (++count > kMostOfAPattern) {
    ++result_.left_out;
    return;
  }
  result_.findings.push_back(std::move(finding));
}

}  // namespace slurper
