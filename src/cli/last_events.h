// What a slurper did last, as the flight recorder has kept it.
#pragma once

#include <cstddef>
#include <string>

#include "flight/flight_view.h"

namespace slurper {

enum class FlightEnd { Runs, Killed, EndedByItself };

[[nodiscard]] FlightEnd end_of(const FlightHistory& history);

// A heading, and the last `most` events, the newest last, in lines of at most 80 columns.
[[nodiscard]] std::string events_text(const FlightHistory& history, std::size_t most);

// {"pid":…,"state":"killed","events":[…]}: all events, on one line with its newline.
[[nodiscard]] std::string events_json(const FlightHistory& history);

}  // namespace slurper
