#include "cli/who.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/text.h"

namespace slurper {

namespace {

// The commands have one thread, so getpwuid(3) will do.
std::string user_name(uid_t uid) {
  const passwd* const entry = ::getpwuid(uid);
  return entry != nullptr ? printable(entry->pw_name) : fmt::format("uid {}", uid);
}

std::string group_name(gid_t gid) {
  const group* const entry = ::getgrgid(gid);
  return entry != nullptr ? printable(entry->gr_name) : fmt::format("gid {}", gid);
}

}  // namespace

std::string who_runs() {
  const passwd* const entry = ::getpwuid(::geteuid());
  return entry != nullptr ? fmt::format("the user {} (uid {})", printable(entry->pw_name), ::geteuid())
                          : fmt::format("uid {}", ::geteuid());
}

std::string owner_of(const struct stat& st) {
  return fmt::format("owner {}, group {}", user_name(st.st_uid), group_name(st.st_gid));
}

}  // namespace slurper
