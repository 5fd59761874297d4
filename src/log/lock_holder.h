// Who has a log.
#pragma once

#include <sys/types.h>

#include <optional>

namespace slurper {

// Another process that holds a flock(2) on the file with this device and inode, or has it open for writing
// where the kernel does not show its locks. Nothing where none is to be seen: it may be there nevertheless,
// in another pid namespace or another user's.
[[nodiscard]] std::optional<pid_t> flock_holder(dev_t device, ino_t inode);

}  // namespace slurper
