// What errors and findings about the files of a log have in common.
#pragma once

#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/file_kind.h"

namespace slurper {

// "cannot open the log 'path': …", with `what` as a phrase about the file.
inline std::unexpected<Error> cannot(int errnum, PhraseId what, const std::string& path) {
  std::unexpected<Error> failed = fail_to_open(errnum, path, about_file(what, path));
  if (errnum == ENOENT) failed.error().kind = ErrorKind::CantCreate;
  return failed;
}

// The file's name without its folder, for findings.
inline QuotedText name_of(const std::string& path) {
  return {path.substr(path.rfind('/') + 1)};
}

}  // namespace slurper
