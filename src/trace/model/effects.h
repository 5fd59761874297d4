// What events change in the thread that they are of. Model calls them.
#pragma once

#include <string>
#include <string_view>

#include "trace/model/model.h"

namespace slurper {

// An enter event: some calls tell already at their beginning what a socket is.
void note_enter(TraceEvent& event);
// An exit event, except those that concern more than one thread.
void apply_to_thread(TraceEvent& event);

// Whether the event is of a call that may change what is known: who reads later events needs it. The calls of
// apply_to_thread(), the beginnings and ends of processes, and what makes files be written without calls.
[[nodiscard]] bool changes_state(const TraceEvent& event);

}  // namespace slurper
