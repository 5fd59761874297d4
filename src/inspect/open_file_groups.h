// Which descriptors of several processes are the same open file.
#pragma once

#include <vector>

#include "inspect/pipe_facts.h"

namespace slurper {

// Sets PipeHolder::open_file, by kcmp(2) unless it is known, and PipeHolder::inherited_from, by the parents
// in /proc. Leaves them if this process may not compare them.
void find_open_file_groups(std::vector<PipeHolder>& holders);

}  // namespace slurper
