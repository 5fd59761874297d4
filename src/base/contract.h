// Contracts: the preconditions that a header states, checked where the program would break without them.
#pragma once

namespace slurper {

// Writes "FILE:LINE: broken contract: CONDITION" to standard error and aborts. Allocates nothing, takes no
// lock and calls only async-signal-safe functions, so the message appears even if memory has run out.
[[noreturn]] void contract_broken(const char* condition, const char* file, int line) noexcept;

}  // namespace slurper

// Stays on in the release, where assert(3) is off: a bug that would tear the stream ends the process instead,
// as a SIGKILL would, and the next start continues with what the ring holds. It costs a compare, so
// `condition` must be cheap and free of side effects. It is for bugs: a fault of files, the kernel or other
// processes is a Result.
#define SLURPER_ASSERT(condition)                      \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::slurper::contract_broken(#condition, __FILE_NAME__, __LINE__))
