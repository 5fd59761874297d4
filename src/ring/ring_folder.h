// Whose folder a ring lies in: what others may write to can be forged, and cut under a mapping (SIGBUS).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// Whether a ring may lie in `directory`, as far as that is there: the folder is no symbolic link (its parents
// may be), and this process's user's, or root's if not every user may write there; the ring in it, if there
// is one, is this user's. Changes nothing. Errors: NoPermission (another user's, or open to others and not
// this user's to close), CantCreate (not a folder).
[[nodiscard]] Status check_ring_folder(Os& os, const std::string& directory);

// Makes the folder and its parents where they are missing, mode 0700, and checks it as above. One of this
// user's that others may write to is tightened, and said so in `findings`; not one with the sticky bit, such
// as /dev/shm itself: that one is shared on purpose, and no one can replace another user's file there.
[[nodiscard]] Status open_ring_folder(Os& os, const std::string& directory,
                                      std::vector<std::string>& findings);

// The error for a ring at `path` that belongs to another user: NoPermission.
[[nodiscard]] std::unexpected<Error> refuse_ring_of(uid_t owner, const std::string& path);

// Tightens the file `ring_fd` of this user's, found at `path`, to 0600, and says so in `findings`. Errors:
// Io.
[[nodiscard]] Status tighten_ring_file(Os& os, int ring_fd, const struct stat& st, const std::string& path,
                                       std::vector<std::string>& findings);

}  // namespace slurper
