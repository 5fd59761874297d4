#include "support/daemon.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace slurper::test {

std::string slurper_binary() {
  const char* const other = std::getenv("SLURPER_BINARY");
  return other != nullptr ? other : SLURPER_TEST_BINARY;
}

std::uint64_t count_from_env(const char* name, std::uint64_t otherwise, std::uint64_t sanitized) {
  const char* const text = std::getenv(name);
  if (text != nullptr) return std::strtoull(text, nullptr, 10);
  return kSanitized ? sanitized : otherwise;
}

std::uint64_t seed_from_env() {
  const std::uint64_t chance = std::random_device{}();
  return count_from_env("SLURPER_SEED", chance, chance);
}

Program Site::run(const std::vector<std::string>& settings) const {
  Program program{.argv = {slurper_binary(), "run", "--fifo", fifo, "--log", disk / "messages", "--set",
                           "ring.directory=" + ram.path()},
                  .env = {}};
  for (const std::string& setting : settings) {
    program.argv.emplace_back("--set");
    program.argv.push_back(setting);
  }
  for (const std::string& sink : sinks) {
    program.argv.emplace_back("--sink");
    program.argv.push_back(sink);
  }
  // What a sanitizer finds ends slurper at once: one that is killed has no exit status to tell it with.
  for (const char* const name : {"UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (std::getenv(name) == nullptr) program.env.push_back(std::string(name) + "=halt_on_error=1");
  }
  return program;
}

Program Site::verify() const {
  return {.argv = {slurper_binary(), "verify", "--ring", ram.path(), disk / "messages"}, .env = {}};
}

Child Site::start(const std::vector<std::string>& settings) const {
  Child slurper(run(settings));
  EXPECT_TRUE(slurper.said("ready")) << "slurper is not ready: " << slurper.err();
  return slurper;
}

}  // namespace slurper::test
