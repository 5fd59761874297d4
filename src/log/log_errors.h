// How the log's writer words its failures.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "base/file_kind.h"
#include "base/text.h"

namespace slurper {

// "cannot VERB the log 'path': …"
inline std::unexpected<Error> cannot(int errnum, const char* verb, const std::string& path) {
  Error error = fail_to_open(errnum, path, fmt::format("{} the log {}", verb, in_quotes(path))).error();
  switch (errnum) {
    case ENOENT:
      error.kind = ErrorKind::CantCreate;
      break;
    case ELOOP:
      error.advice = "Remove the link: slurper follows none there, for it could be pointed elsewhere";
      break;
    case ENOSPC:
    case EDQUOT:
      error.advice = "Make room on its file system";
      break;
    case EROFS:
      error.advice = "Its file system was mounted, or has turned, read-only: look into the kernel's messages";
      break;
    case EFBIG:
      error.advice = "Raise the limit on the size of files (LimitFSIZE=, ulimit -f), or set log.rotate_size";
      break;
    case EIO:
      error.advice = "Look into the kernel's messages: the disk may be failing";
      break;
    default:
      break;
  }
  return std::unexpected(std::move(error));
}

}  // namespace slurper
