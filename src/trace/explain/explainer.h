// Explainer: recognises what a capture shows, in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "trace/explain/recogniser.h"

namespace slurper {

// An incident repeats, and more than these say nothing new.
inline constexpr std::uint64_t kMostOfAPattern = 25;

struct Explanation {
  std::vector<TraceFinding> findings;  // in order of time
  std::uint64_t harm = 0;              // how many there are, those left out included
  std::uint64_t notes = 0;
  std::uint64_t left_out = 0;  // findings of a pattern that had enough
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // records that the recorder lost: something may be missing
};

// One thread uses it.
class Explainer {
 public:
  enum class Notes : bool { Counted, Kept };

  // The model outlives it. `output`, if it is set, receives each finding of harm as it is recognised.
  Explainer(const Model& model, Notes notes, FindingOutput output = {});
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;
  ~Explainer();

  // Takes each event that changes more than state, slurper's own included, before the model finishes it.
  void take(const TraceEvent& event);
  // Whom a call on a pipe has waited for, and whom that one waited for, and so on, in sentences. The call has
  // just ended, or had not ended when the recording did. Searches all tables.
  [[nodiscard]] std::vector<Statement> waits_of(const TraceEvent& call);
  // The capture has ended.
  [[nodiscard]] Explanation end();

 private:
  void keep(TraceFinding finding);

  Notes notes_;
  FindingOutput output_;
  FindingOutput keep_;
  History history_;
  std::vector<std::unique_ptr<Recogniser>> recognisers_;
  std::array<std::uint64_t, 32> counts_{};  // of each pattern
  Explanation result_;
};

}  // namespace slurper
