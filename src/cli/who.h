// Names of users and groups, for messages.
#pragma once

#include <sys/stat.h>

#include <string>

namespace slurper {

// Returns the user of this process, as files see it: "the user slurper (uid 995)", or "uid 995" if it has no
// name.
[[nodiscard]] std::string who_runs();

// Returns "owner slurper, group adm".
[[nodiscard]] std::string owner_of(const struct stat& st);

}  // namespace slurper
