// Descriptors in the control messages (SCM_RIGHTS) of a traced process.
#pragma once

#include <cstdint>
#include <vector>

#include "recorder/traced_memory.h"

namespace slurper {

struct ControlMessages {
  std::vector<int> descriptors;
  bool is_cut = false;  // MSG_CTRUNC: there was no room for all
};

// Reads the struct msghdr at `address`, or `count` struct mmsghdr if `is_array`.
[[nodiscard]] ControlMessages read_control_messages(const TracedMemory& memory, std::uint64_t address,
                                                    std::uint64_t count, bool is_array);

}  // namespace slurper
