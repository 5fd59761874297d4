// The result of a call that can fail. Part of the plug-in API: uses standard headers only.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace slurper {

// The kind of a failure. Its value is the exit status with which the program ends if no caller can handle the
// failure: sysexits.h, the convention of sendmail and of many Unix daemons since.
enum class ErrorKind : int {
  Usage = 64,         // the command line is wrong
  Data = 65,          // the input is damaged
  NoInput = 66,       // the FIFO, or a file to read, is missing or is not what it should be
  Internal = 70,      // a bug in slurper
  CantCreate = 73,    // a file can't be created
  Io = 74,            // the kernel failed to read or write
  Busy = 75,          // another process holds it; may work later
  Loop = 76,          // from a sink: its own output comes back to it. It stops until the operator resumes it
  NoPermission = 77,  // the kernel denied permission
  Config = 78,        // the configuration is wrong
};

// A failure that the caller can print as it stands. `what` is what was tried, and on what ("open the FIFO
// '/run/x'"), `why` is the reason, `advice` is what to do about it (may be empty).
struct Error {
  ErrorKind kind = ErrorKind::Internal;
  int errnum = 0;  // errno, or 0 if no system call failed
  std::string what;
  std::string why;
  std::string advice;

  // "cannot open the FIFO '/run/x': it is a directory. Name a FIFO, or …" One line, without a newline at its
  // end.
  [[nodiscard]] std::string message() const;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string what, std::string why,
                                   std::string advice = {}) {
  return std::unexpected(Error{kind, 0, std::move(what), std::move(why), std::move(advice)});
}

}  // namespace slurper
