#include "trace/scap/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/error.h"

namespace slurper {

namespace {

using Created = std::expected<UniqueFd, std::string>;

// Whether the file that is already there may be overwritten, and why not.
std::string_view objection(const struct stat& file) {
  if (S_ISCHR(file.st_mode)) return {};
  if (!S_ISREG(file.st_mode)) return "it exists and is no regular file. Name another";
  if (file.st_uid != ::geteuid()) return "it exists and belongs to another user. Name another, or remove it";
  if (file.st_nlink != 1) return "it exists and has several names (hard links). Name another, or remove it";
  return {};
}

// Two recorders would write over each other.
Created locked(UniqueFd fd) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  return std::unexpected(errno == EWOULDBLOCK ? "another recorder writes it. Name another"
                                              : errno_text(errno));
}

}  // namespace

Created create_private_file(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(::open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  if (fd) return locked(std::move(fd));
  if (errno != EEXIST) return std::unexpected(errno_text(errno));
  // O_NONBLOCK: it could be a FIFO without a reader.
  fd.reset(::open(path.c_str(), kFlags | O_NONBLOCK));
  if (!fd) return std::unexpected(errno == ELOOP ? "it is a symbolic link. Name another" : errno_text(errno));
  struct stat file{};
  if (::fstat(fd.get(), &file) != 0) return std::unexpected(errno_text(errno));
  if (const std::string_view why = objection(file); !why.empty()) return std::unexpected(std::string(why));
  if (!S_ISREG(file.st_mode)) return fd;
  Created created = locked(std::move(fd));
  if (created && (::fchmod(created->get(), 0600) != 0 || ::ftruncate(created->get(), 0) != 0))
    return std::unexpected(errno_text(errno));
  return created;
}

}  // namespace slurper
