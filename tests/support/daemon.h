// How tests start slurper.
#pragma once

#include <string>
#include <vector>

#include "support/child.h"
#include "support/fifo_writer.h"
#include "support/log_stream.h"
#include "support/temp_dir.h"

namespace slurper::test {

// The built binary, or $SLURPER_BINARY.
[[nodiscard]] std::string slurper_binary();

// Whether this build runs under a sanitizer: everything is several times slower then.
#if defined(SLURPER_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// $SLURPER_SEED, or else a random one, to be shown with a failure.
[[nodiscard]] std::uint64_t seed_from_env();

// A number from the environment, or else one of these two.
[[nodiscard]] std::uint64_t count_from_env(const char* name, std::uint64_t otherwise,
                                           std::uint64_t sanitized);

// Folders of its own, a FIFO that is held open, a log, a ring in RAM.
struct Site {
  TempDir disk;
  TempDir ram = TempDir::in_ram();
  std::string fifo = disk / "fifo";
  FifoHolder holder{fifo};
  LogStream log{disk / "messages"};

  std::vector<std::string> sinks = {};  // URLs

  // `slurper run` on all of that, with `--set` for each of `settings` ("log.rotate_size=1MiB").
  [[nodiscard]] Program run(const std::vector<std::string>& settings = {}) const;
  [[nodiscard]] Program verify() const;
  // Starts it and waits until it is ready. Adds a test failure if that does not happen.
  [[nodiscard]] Child start(const std::vector<std::string>& settings = {}) const;
};

}  // namespace slurper::test
