#include "base/contract.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace slurper {

namespace {

// snprintf(3) is not async-signal-safe.
const char* decimal(int number, std::array<char, 16>& buffer) {
  char* digit = &buffer.back();
  *digit = '\0';
  do {
    *--digit = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return digit;
}

iovec piece(const char* text) {
  return {.iov_base = const_cast<char*>(text), .iov_len = std::strlen(text)};
}

}  // namespace

void contract_broken(const char* condition, const char* file, int line) noexcept {
  std::array<char, 16> digits{};
  const std::array<iovec, 6> text = {
      piece(file),      piece(":"), piece(decimal(line, digits)), piece(": broken contract: "),
      piece(condition), piece("\n")};
  (void)::writev(STDERR_FILENO, text.data(), text.size());  // a failure here has no remedy
  std::abort();
}

}  // namespace slurper
