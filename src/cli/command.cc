#include "cli/command.h"

#include <fmt/format.h>

#include <cstdio>

namespace slurper {

int report(const Error& error) {
  fmt::print(stderr, "slurper: {}\n", error.message());
  return static_cast<int>(error.kind);
}

}  // namespace slurper
