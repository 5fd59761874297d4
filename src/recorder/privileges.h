// The rights that a recording needs after its beginning.
#pragma once

namespace slurper {

// Keeps CAP_BPF and CAP_PERFMON, for the iterators, and CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, for ptrace
// and for the names in other users' processes, if it had them. Gives up all other capabilities.
void drop_privileges();

}  // namespace slurper
