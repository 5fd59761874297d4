// Parts of stories that several recognisers tell.
#pragma once

#include <cstdint>
#include <optional>

#include "trace/explain/history.h"
#include "trace/explain/words.h"
#include "trace/view/shown_event.h"

namespace slurper {

// A finding about this event.
[[nodiscard]] TraceFinding finding_of(const TraceEvent& event, Pattern pattern);

// The process that reads from the pipe: the one that has read last, else one that has it open for reading.
// Never one of `but_not`.
struct PipeReader {
  Actor who{};
  Deed last_read{};
  Deed first_read{};
  Deed before_pause{};
};
[[nodiscard]] std::optional<PipeReader> reader_of(const History& history, const Channel& channel,
                                                  std::int64_t but_not);

// Whether the process of the finding can read what it writes itself.
[[nodiscard]] bool holds_both_ends(const History& history, const TraceFinding& finding);

// What a writer waited for.
enum class Waiting : std::uint8_t { ForReader, ForStopped, ForContinued };

// Says when that reader of the channel has read last before `to`, and what it did between `from` and `to`
// instead.
Waiting tell_reader(TraceFinding& finding, const History& history, const Channel& channel,
                    const std::optional<PipeReader>& reader, std::uint64_t from, std::uint64_t to);

[[nodiscard]] inline Span span_between(std::uint64_t from, std::uint64_t to) {
  return {.nanoseconds = to > from ? to - from : 0};
}

}  // namespace slurper
