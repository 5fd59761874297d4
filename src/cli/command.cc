#include "cli/command.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>

#include "base/wrap.h"
#include "service/phrase_table.h"

namespace slurper {

int report(const Error& error) {
  fmt::print(stderr, "{}", message_for(STDERR_FILENO, to_text(error)));
  return static_cast<int>(error.kind);
}

}  // namespace slurper
