// Limits that a test may change for itself alone.
#pragma once

#include <cstdlib>

namespace slurper::test {

// Whether a user namespace of its own can be made, and its limit on inotify instances set.
inline bool may_limit_inotify() {
  return std::system(
             "unshare --user --map-root-user sh -c 'echo 128 >/proc/sys/user/max_inotify_instances' "
             "2>/dev/null") == 0;
}

}  // namespace slurper::test
