// Recogniser: finds one pattern, or a few that belong together, in the events of a capture.
#pragma once

#include <memory>

#include "trace/explain/finding.h"
#include "trace/explain/history.h"

namespace slurper {

// One thread uses it, in one pass. The history has taken an event before the recognisers do.
class Recogniser {
 public:
  // Both outlive it.
  Recogniser(History& history, const FindingOutput& output) : history_(history), output_(output) {}
  Recogniser(const Recogniser&) = delete;
  Recogniser& operator=(const Recogniser&) = delete;
  virtual ~Recogniser() = default;

  virtual void take(const TraceEvent& event) = 0;
  // The capture has ended.
  virtual void end() {}

 protected:
  History& history_;
  const FindingOutput& output_;
};

using MakeRecogniser = std::unique_ptr<Recogniser> (*)(History& history, const FindingOutput& output);

std::unique_ptr<Recogniser> recognise_refused(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_full_pipes(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_ends(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_blocked(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_waiting(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_second_readers(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_torn(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_thrown_away(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_leaks(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_sockets(History& history, const FindingOutput& output);
std::unique_ptr<Recogniser> recognise_identities(History& history, const FindingOutput& output);

}  // namespace slurper
