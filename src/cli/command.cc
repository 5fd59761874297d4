#include "cli/command.h"

#include <fmt/format.h>

#include <cstdio>

#include "service/phrase_table.h"

namespace slurper {

int report(const Error& error) {
  fmt::print(stderr, "slurper: {}\n", to_text(error));
  return static_cast<int>(error.kind);
}

}  // namespace slurper
