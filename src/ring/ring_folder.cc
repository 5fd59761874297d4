#include "ring/ring_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/accounts.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr mode_t kAnybody = 0002;
constexpr mode_t kOthersWrite = 0022;
constexpr mode_t kOthers = 0077;
constexpr const char* kAdvice =
    "Set ring.directory to a folder in RAM that is slurper's own, or leave it unset";

// O_NOFOLLOW applies to the last name of a path, and "link/" has none.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::unexpected<Error> refuse(ErrorKind kind, const std::string& what, std::string why) {
  return fail(kind, "use " + what, std::move(why), kAdvice);
}

std::string whose(uid_t owner) {
  return fmt::format("it belongs to {}, who could forge or cut what is in it", the_user(owner));
}

Status check_folder(const struct stat& st, const std::string& path, const std::string& what) {
  if (S_ISLNK(st.st_mode))
    return refuse(ErrorKind::NoPermission, what, "it is " + what_stands_at(path, st.st_mode));
  if (!S_ISDIR(st.st_mode)) return refuse(ErrorKind::CantCreate, what, "it is not a folder");
  const uid_t self = ::geteuid();
  if (st.st_uid != self && st.st_uid != 0) return refuse(ErrorKind::NoPermission, what, whose(st.st_uid));
  if (st.st_uid != self && (st.st_mode & kAnybody) != 0 && (st.st_mode & S_ISVTX) == 0)
    return refuse(ErrorKind::NoPermission, what, "every user may replace what is in it");
  return {};
}

Status make(Os& os, const std::string& directory) {
  const int error = os.mkdir(directory.c_str(), 0700);
  if (error >= 0 || error == -EEXIST) return {};
  if (error == -ENOENT) {
    const std::size_t slash = directory.rfind('/');
    if (slash != 0 && slash != std::string::npos) {
      if (Status made = make(os, without_slashes(directory.substr(0, slash))); !made) return made;
      if (const int again = os.mkdir(directory.c_str(), 0700); again >= 0 || again == -EEXIST) return {};
    }
  }
  Error failure = fail_errno(-error, "create the ring's folder " + in_quotes(directory),
                             "Set ring.directory to a folder on a RAM file system that slurper may write to")
                      .error();
  if (failure.kind != ErrorKind::NoPermission) failure.kind = ErrorKind::CantCreate;
  return std::unexpected(std::move(failure));
}

}  // namespace

Status check_ring_folder(Os& os, const std::string& directory) {
  struct stat st{};
  // If lstat fails, opening fails, too, and its error has more detail.
  if (os.lstat(without_slashes(directory).c_str(), &st) < 0) return {};
  if (Status ours = check_folder(st, without_slashes(directory), "the ring's folder " + in_quotes(directory));
      !ours)
    return ours;
  const std::string ring = directory + "/ring";
  if (os.lstat(ring.c_str(), &st) < 0 || st.st_uid == ::geteuid()) return {};
  return refuse_ring_of(st.st_uid, ring);
}

Status open_ring_folder(Os& os, const std::string& directory, std::vector<std::string>& findings) {
  const std::string path = without_slashes(directory);
  const std::string what = "the ring's folder " + in_quotes(directory);
  if (Status made = make(os, path); !made) return made;
  if (Status ours = check_ring_folder(os, path); !ours) return ours;
  const UniqueFd folder_fd(os.open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!folder_fd) return fail_errno(-folder_fd.get(), "open " + what, kAdvice);
  struct stat st{};
  if (const int error = os.fstat(folder_fd.get(), &st); error < 0) return fail_errno(-error, "open " + what);
  if (Status ours = check_folder(st, path, what); !ours) return ours;
  if (st.st_uid != ::geteuid() || (st.st_mode & kOthersWrite) == 0 || (st.st_mode & S_ISVTX) != 0) return {};
  const mode_t mode = st.st_mode & 07777 & ~kOthersWrite;
  if (const int error = os.fchmod(folder_fd.get(), mode); error < 0)
    return fail_errno(-error, "set the mode of " + what);
  findings.push_back(
      fmt::format("others could write to {}, and forge lines: its mode was {:04o}, and is {:04o} now", what,
                  st.st_mode & 07777, mode));
  return {};
}

std::unexpected<Error> refuse_ring_of(uid_t owner, const std::string& path) {
  return refuse(ErrorKind::NoPermission, "the ring " + in_quotes(path), whose(owner));
}

Status tighten_ring_file(Os& os, int ring_fd, const struct stat& st, const std::string& path,
                         std::vector<std::string>& findings) {
  const std::string what = "the ring " + in_quotes(path);
  // If the file has a second name, that name may be another program's.
  if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & kOthers) == 0) return {};
  if (const int error = os.fchmod(ring_fd, 0600); error < 0)
    return fail_errno(-error, "set the mode of " + what);
  findings.push_back(fmt::format(
      "others could open {}, which holds lines on their way: its mode was {:04o}, and is 0600 now", what,
      st.st_mode & 07777));
  return {};
}

}  // namespace slurper
