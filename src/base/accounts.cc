#include "base/accounts.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/text.h"

namespace slurper {

namespace {

// A user may be called "1000", so the database comes first. To chown(2), -1 means "leave it": it is not an
// id.
template <typename Id>
std::optional<Id> number(const std::string& text) {
  Id id = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || rest != end || id == static_cast<Id>(-1)) return std::nullopt;
  return id;
}

// `lookup` is getpwnam_r or getgrnam_r, which needs a buffer of unknown size for the entry: a group can have
// thousands of members.
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

// Finds the first entry of the file for which `is_wanted` holds, and returns its name, fit for a message.
// `next` is fgetpwent_r or fgetgrent_r.
template <typename Entry, typename Next, typename IsWanted, typename NameOf>
std::optional<std::string> name_in(const char* path, Next next, IsWanted is_wanted, NameOf name_of) {
  const auto close_file = [](std::FILE* file) { (void)std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close_file)> file(std::fopen(path, "re"));
  if (file == nullptr) return std::nullopt;
  constexpr std::size_t kMaxLine = 1 << 20;
  std::vector<char> buffer(4096);
  Entry entry{};
  Entry* found = nullptr;
  for (int error = 0; error == 0 || error == ERANGE;) {
    error = next(file.get(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) {  // the file's position is at the beginning of that line again
      if (buffer.size() >= kMaxLine) return std::nullopt;
      buffer.resize(buffer.size() * 2);
    } else if (error == 0 && is_wanted(entry)) {
      return printable(name_of(entry));
    }
  }
  return std::nullopt;
}

std::optional<std::string> local_user(uid_t uid) {
  return name_in<passwd>(
      "/etc/passwd", fgetpwent_r, [&](const passwd& entry) { return entry.pw_uid == uid; },
      [](const passwd& entry) { return entry.pw_name; });
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

std::string user_name(uid_t uid) {
  return local_user(uid).value_or(fmt::format("uid {}", uid));
}

std::string group_name(gid_t gid) {
  return name_in<group>(
             "/etc/group", fgetgrent_r, [&](const group& entry) { return entry.gr_gid == gid; },
             [](const group& entry) { return entry.gr_name; })
      .value_or(fmt::format("gid {}", gid));
}

std::string the_user(uid_t uid) {
  const std::optional<std::string> name = local_user(uid);
  return name ? fmt::format("the user {} (uid {})", *name, uid)
              : fmt::format("the user with the uid {}", uid);
}

}  // namespace slurper
