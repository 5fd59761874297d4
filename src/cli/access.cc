#include "cli/access.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "cli/who.h"

namespace slurper {

int look_at(const std::string& path, struct stat& st) {
  return ::lstat(path.c_str(), &st) == 0 ? 0 : errno;
}

int access_error(const std::string& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

std::uint64_t permissions(const struct stat& st) {
  return st.st_mode & 07777U;
}

std::optional<Finding> no_room_for(const Phrase& subject, const std::string& directory) {
  const QuotedText folder{directory};
  struct stat st{};
  if (::stat(directory.c_str(), &st) != 0) {
    const int errnum = errno;
    return error(
        errnum == EACCES ? ErrorKind::NoPermission : ErrorKind::CantCreate,
        {PhraseId::FolderMissing, {{"subject", subject}, {"folder", folder}, {"errno", Errno{errnum}}}});
  }
  if (!S_ISDIR(st.st_mode)) {
    return error(ErrorKind::CantCreate,
                 {PhraseId::FolderIsNone,
                  {{"subject", subject}, {"folder", folder}, {"found", file_kind(st.st_mode)}}});
  }
  if (const int errnum = access_error(directory, W_OK | X_OK); errnum != 0) {
    return error(ErrorKind::NoPermission, {PhraseId::FolderDenied,
                                           {{"subject", subject},
                                            {"errno", Errno{errnum}},
                                            {"folder", folder},
                                            {"mode", permissions(st)},
                                            {"owner", owner_of(st)},
                                            {"user", who_runs()}}});
  }
  return std::nullopt;
}

Phrase cannot_open(const Phrase& subject, const struct stat& st, int refused) {
  return {PhraseId::FileDenied,
          {{"subject", subject},
           {"user", who_runs()},
           {"errno", Errno{refused}},
           {"mode", permissions(st)},
           {"owner", owner_of(st)}}};
}

Phrase cannot_look_at(const Phrase& subject, int errnum) {
  return {PhraseId::NotToBeSeen, {{"subject", subject}, {"errno", Errno{errnum}}}};
}

Phrase is_no_file(const Phrase& subject, const std::string& found, Phrase advice) {
  return {PhraseId::FileIsOther, {{"subject", subject}, {"found", found}, {"advice", std::move(advice)}}};
}

}  // namespace slurper
