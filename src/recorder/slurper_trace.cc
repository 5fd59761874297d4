// slurper-trace: records system calls. `slurper trace` runs it; it is a program of its own because it alone
// needs libbpf and the rights to load BPF programs.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/wrap.h"
#include "recorder/options.h"
#include "recorder/recorder.h"

int main(int argc, char** argv) {
  const auto options = slurper::parse_options(argc, argv);
  if (options && options->help) {
    fmt::print("{}", slurper::options_help());
    return 0;
  }
  const slurper::Recorded<int> status =
      options ? slurper::Recorder(*options).run() : std::unexpected(options.error());
  if (status) return *status;
  fmt::print(stderr, "{}", slurper::message_for(STDERR_FILENO, status.error().text));
  return status.error().status;
}
