// Users and groups by name or by number.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace slurper {

// The id of a user or group of this machine: by name (getpwnam_r(3), getgrnam_r(3)), or as a decimal number,
// which needs no entry in the database. Nothing where there is none, or the database can't be read. Any
// thread.
[[nodiscard]] std::optional<uid_t> find_user(const std::string& name);
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

}  // namespace slurper
