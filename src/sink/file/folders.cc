#include "sink/file/folders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/fd.h"

namespace slurper {

namespace {

constexpr mode_t kFolderMode = 0750;

}  // namespace

Status make_folders(const std::string& base, const std::string& path, bool is_durable) {
  std::size_t begin = base == "/" ? 1 : base.size() + 1;
  if (path.find('/', begin) == std::string::npos) return {};
  UniqueFd folder(::open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail_errno(errno, about_file(PhraseId::OpenFolder, base));
  for (std::size_t end = 0; (end = path.find('/', begin)) != std::string::npos; begin = end + 1) {
    const std::string name = path.substr(begin, end - begin);
    const std::string so_far = path.substr(0, end);
    const bool is_new = ::mkdirat(folder.get(), name.c_str(), kFolderMode) == 0;
    if (!is_new && errno != EEXIST) return fail_errno(errno, about_file(PhraseId::CreateFolder, so_far));
    UniqueFd next(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return fail_errno(errno, about_file(PhraseId::OpenFolder, so_far));
    if (is_new && is_durable && ::fsync(folder.get()) != 0)
      return fail_errno(errno, about_file(PhraseId::CreateFolder, so_far));
    folder = std::move(next);
  }
  return {};
}

}  // namespace slurper
