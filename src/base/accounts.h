// Users and groups by name or by number.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace slurper {

// The id of a user or group of this machine: by name (getpwnam_r(3), getgrnam_r(3)), or by decimal number,
// which needs no entry in the database. Empty if there is none, or if the database can't be read. Any thread
// may call it.
[[nodiscard]] std::optional<uid_t> find_user(const std::string& name);
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

// The name of a user or group in /etc/passwd or /etc/group; "uid 995" or "gid 995" without one. For messages:
// these ask no directory service (getpwuid_r(3) may wait for one), so the intake may call them. Any thread
// may call them.
[[nodiscard]] std::string user_name(uid_t uid);
[[nodiscard]] std::string group_name(gid_t gid);

// "the user slurper (uid 995)", "the user with the uid 995".
[[nodiscard]] std::string the_user(uid_t uid);

}  // namespace slurper
