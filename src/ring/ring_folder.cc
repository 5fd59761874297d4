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

namespace slurper {

namespace {

constexpr mode_t kAnybody = 0002;
constexpr mode_t kOthersWrite = 0022;
constexpr mode_t kOthers = 0077;

// O_NOFOLLOW applies to the last name of a path, and "link/" has none.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::unexpected<Error> refuse(ErrorKind kind, Phrase what, Phrase why) {
  return fail(kind, std::move(what), std::move(why), PhraseId::NameOwnRingFolder);
}

Phrase whose(uid_t owner) {
  return {PhraseId::ForgeableByOwner, {{"user", the_user(owner)}}};
}

Status check_folder(const struct stat& st, const std::string& path, const Phrase& what) {
  if (!S_ISDIR(st.st_mode)) {
    const ErrorKind kind = S_ISLNK(st.st_mode) ? ErrorKind::NoPermission : ErrorKind::CantCreate;
    return refuse(kind, what, {PhraseId::NotAFolder, {{"found", what_stands_at(path, st.st_mode)}}});
  }
  const uid_t self = ::geteuid();
  if (st.st_uid != self && st.st_uid != 0) return refuse(ErrorKind::NoPermission, what, whose(st.st_uid));
  if (st.st_uid != self && (st.st_mode & kAnybody) != 0 && (st.st_mode & S_ISVTX) == 0)
    return refuse(ErrorKind::NoPermission, what, PhraseId::ForgeableByAll);
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
  Error failure =
      fail_errno(-error, about_file(PhraseId::CreateRingFolder, directory), PhraseId::NameWritableFolder)
          .error();
  if (failure.kind != ErrorKind::NoPermission) failure.kind = ErrorKind::CantCreate;
  return std::unexpected(std::move(failure));
}

}  // namespace

Status check_ring_folder(Os& os, const std::string& directory) {
  struct stat st{};
  // If lstat fails, opening fails, too, and its error has more detail.
  if (os.lstat(without_slashes(directory).c_str(), &st) < 0) return {};
  if (Status ours =
          check_folder(st, without_slashes(directory), about_file(PhraseId::UseRingFolder, directory));
      !ours)
    return ours;
  const std::string ring = directory + "/ring";
  if (os.lstat(ring.c_str(), &st) < 0 || st.st_uid == ::geteuid()) return {};
  return refuse_ring_of(st.st_uid, ring);
}

Status open_ring_folder(Os& os, const std::string& directory, std::vector<Phrase>& findings) {
  const std::string path = without_slashes(directory);
  const Phrase what = about_file(PhraseId::UseRingFolder, directory);
  if (Status made = make(os, path); !made) return made;
  if (Status ours = check_ring_folder(os, path); !ours) return ours;
  const UniqueFd folder_fd(os.open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!folder_fd) return fail_errno(-folder_fd.get(), what, PhraseId::NameOwnRingFolder);
  struct stat st{};
  if (const int error = os.fstat(folder_fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (Status ours = check_folder(st, path, what); !ours) return ours;
  if (st.st_uid != ::geteuid() || (st.st_mode & kOthersWrite) == 0 || (st.st_mode & S_ISVTX) != 0) return {};
  const mode_t mode = st.st_mode & 07777 & ~kOthersWrite;
  if (const int error = os.fchmod(folder_fd.get(), mode); error < 0) return fail_errno(-error, what);
  findings.push_back({PhraseId::RingFolderTightened,
                      {{"file", QuotedText{directory}},
                       {"before", std::uint64_t{st.st_mode & 07777}},
                       {"now", std::uint64_t{mode}}}});
  return {};
}

std::unexpected<Error> refuse_ring_of(uid_t owner, const std::string& path) {
  return refuse(ErrorKind::NoPermission, about_file(PhraseId::UseRing, path), whose(owner));
}

Status tighten_ring_file(Os& os, int ring_fd, const struct stat& st, const std::string& path,
                         std::vector<Phrase>& findings) {
  // If the file has a second name, that name may be another program's.
  if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & kOthers) == 0) return {};
  if (const int error = os.fchmod(ring_fd, 0600); error < 0)
    return fail_errno(-error, about_file(PhraseId::UseRing, path));
  findings.push_back(
      {PhraseId::RingTightened, {{"file", QuotedText{path}}, {"before", std::uint64_t{st.st_mode & 07777}}}});
  return {};
}

}  // namespace slurper
