// Users and groups by their names, for messages.
#pragma once

#include <sys/stat.h>

#include <string>

namespace slurper {

// Who this process is to files: "the user slurper (uid 995)", or "uid 995" of one without a name.
[[nodiscard]] std::string who_runs();

// "owner slurper, group adm".
[[nodiscard]] std::string owner_of(const struct stat& st);

}  // namespace slurper
