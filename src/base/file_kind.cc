#include "base/file_kind.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

const char* file_kind(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a regular file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

std::string what_stands_at(const std::string& path, mode_t mode) {
  if (!S_ISLNK(mode)) return file_kind(mode);
  std::error_code error;  // it was replaced since the check, and has no target
  const std::filesystem::path target = std::filesystem::read_symlink(path, error);
  return error ? file_kind(mode) : fmt::format("{} to {}", file_kind(mode), in_quotes(target.string()));
}

Phrase not_a_regular_file(const std::string& path, mode_t mode) {
  return {PhraseId::NotARegularFile, {{"found", what_stands_at(path, mode)}}};
}

std::unexpected<Error> fail_to_open(int errnum, const std::string& path, Phrase what, Phrase advice) {
  std::unexpected<Error> failed = fail_errno(errnum, std::move(what), std::move(advice));
  struct stat st{};
  if (errnum == ELOOP && ::lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode))
    failed.error().why = not_a_regular_file(path, st.st_mode);
  return failed;
}

std::string end_of_links(const std::string& path) {
  std::error_code error;
  const std::filesystem::path end = std::filesystem::canonical(path, error);
  return error ? "" : ' ' + in_quotes(end.string());
}

}  // namespace slurper
