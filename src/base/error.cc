#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace slurper {

std::string Error::message() const {
  std::string text = "cannot " + what + ": " + why;
  if (!advice.empty()) text += ". " + advice;
  return text;
}

ErrorKind kind_of_errno(int errnum) {
  switch (errnum) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::NoPermission;
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::NoInput;
    default:
      return ErrorKind::Io;
  }
}

std::string errno_text(int errnum) {
  const char* text = strerrordesc_np(errnum);
  return text != nullptr ? text : "error " + std::to_string(errnum);
}

std::unexpected<Error> fail_errno(int errnum, std::string what, std::string advice) {
  // The caller's advice does not fit this cause.
  if (errnum == EMFILE) advice = "Raise the limit on open files: LimitNOFILE= of the service, or ulimit -n";
  return std::unexpected(
      Error{kind_of_errno(errnum), errnum, std::move(what), errno_text(errnum), std::move(advice)});
}

}  // namespace slurper
