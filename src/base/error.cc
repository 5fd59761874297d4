#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace slurper {

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

Phrase about_file(PhraseId id, std::string path) {
  return {id, {{"file", QuotedText{std::move(path)}}}};
}

std::unexpected<Error> fail_errno(int errnum, Phrase what, Phrase advice) {
  return std::unexpected(Error{.kind = kind_of_errno(errnum),
                               .errnum = errnum,
                               .what = std::move(what),
                               .why = {PhraseId::Errno, {{"errno", Errno{errnum}}}},
                               .advice = std::move(advice)});
}

Phrase as_phrase(const Error& error, PhraseId id) {
  Phrase phrase(id, {{"what", error.what}, {"reason", error.why}});
  if (error.errnum != 0) phrase.with({"errno", Errno{error.errnum}});
  if (!error.advice.empty()) phrase.with({"advice", error.advice});
  return phrase;
}

}  // namespace slurper
