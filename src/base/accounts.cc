#include "base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace slurper {

namespace {

// A user may be called "1000", so the database is asked first. -1 means "leave it" to chown(2) and is no id.
template <typename Id>
std::optional<Id> number(const std::string& text) {
  Id id = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || rest != end || id == static_cast<Id>(-1)) return std::nullopt;
  return id;
}

// `lookup` is getpwnam_r or getgrnam_r, whose entry lives in a buffer that nobody knows the size of: a group
// can have thousands of members.
template <typename Entry, typename Lookup>
bool find(const std::string& name, Entry& entry, std::vector<char>& buffer, Lookup lookup) {
  constexpr std::size_t kMaxBuffer = 16 << 20;
  for (buffer.resize(4096); buffer.size() <= kMaxBuffer; buffer.resize(buffer.size() * 2)) {
    Entry* found = nullptr;
    const int error = lookup(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error != ERANGE && error != EINTR) return found != nullptr;
  }
  return false;
}

}  // namespace

std::optional<uid_t> find_user(const std::string& name) {
  passwd entry{};
  std::vector<char> buffer;
  if (find(name, entry, buffer, getpwnam_r)) return entry.pw_uid;
  return number<uid_t>(name);
}

std::optional<gid_t> find_group(const std::string& name) {
  group entry{};
  std::vector<char> buffer;
  if (find(name, entry, buffer, getgrnam_r)) return entry.gr_gid;
  return number<gid_t>(name);
}

}  // namespace slurper
