// Checks the owner of a ring's folder: if others may write to it, they can forge a ring, and cut it under a
// mapping (SIGBUS).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// Checks whether a ring may lie in `directory`, as far as that exists. The folder must not be a symbolic link
// (its parents may be). It must be this process's user's, or root's unless every user may write there. The
// ring in it, if there is one, must be this user's. Changes nothing. Errors: NoPermission (the folder is
// another user's, or it is open to others and this user can't close it), CantCreate (it is not a folder).
[[nodiscard]] Status check_ring_folder(Os& os, const std::string& directory);

// Creates the folder and its parents if they are missing, with mode 0700, and checks the folder as above. If
// a folder of this user's is writable for others, tightens its mode and reports that in `findings`. Leaves a
// folder with the sticky bit as it is, such as /dev/shm itself: it is shared on purpose, and no user can
// replace another user's file there.
[[nodiscard]] Status open_ring_folder(Os& os, const std::string& directory, std::vector<Phrase>& findings);

// The error for a ring at `path` that belongs to another user: NoPermission.
[[nodiscard]] std::unexpected<Error> refuse_ring_of(uid_t owner, const std::string& path);

// Tightens the mode of the file `ring_fd`, this user's ring at `path`, to 0600, and reports that in
// `findings`. Errors: Io.
[[nodiscard]] Status tighten_ring_file(Os& os, int ring_fd, const struct stat& st, const std::string& path,
                                       std::vector<Phrase>& findings);

}  // namespace slurper
