// Parts of stories that several recognisers tell.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trace/explain/history.h"
#include "trace/explain/words.h"
#include "trace/view/shown_event.h"

namespace slurper {

// A finding about this event.
[[nodiscard]] TraceFinding finding_of(const TraceEvent& event, Pattern pattern);

// The processes that have the socket to which this one of datagrams is connected; not `but_not`. Such sockets
// are connected in one direction only: what the server's one is known by is its path, or its address.
[[nodiscard]] std::vector<Actor> servers_of(const Model& model, const OpenFile& socket, std::int64_t but_not);

// The process that reads from the pipe or the connection: the one that has read last, else one that has it
// open for reading. Never one of `but_not`.
struct PipeReader {
  Actor who{};
  Deed last_read{};
  Deed first_read{};
  Deed before_pause{};
  bool is_server = false;  // of a socket of datagrams: what it has read there is not known
};
[[nodiscard]] std::optional<PipeReader> reader_of(const History& history, const Channel& channel,
                                                  const OpenFile& written, std::int64_t but_not);

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
