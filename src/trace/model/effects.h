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

}  // namespace slurper
