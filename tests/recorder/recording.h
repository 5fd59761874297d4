// The recorder as the tests run it, and what they read of its captures.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/child.h"

namespace slurper::test {

// Why no capture can be made here; empty if one can.
std::string no_recorder();

#define SKIP_WITHOUT_BPF() \
  if (const std::string why = slurper::test::no_recorder(); !why.empty()) GTEST_SKIP() << why

// The arguments of slurper-trace; those of the program that is recorded.
Program recorder(const std::vector<std::string>& arguments);
std::vector<std::string> traced(const std::vector<std::string>& arguments);

// Runs the recorder to its end, with its standard output in `out`.
struct Recorded {
  int status = 0;
  std::string out;
  std::string err;
};
Recorded record(const std::vector<std::string>& arguments);

struct RecordedEvent {
  std::uint64_t time = 0;
  std::uint64_t tid = 0;
  std::uint16_t cpu = 0;
  std::uint16_t type = 0;
  std::uint32_t flags = 0;
  std::vector<std::string> params;
  // A parameter as the number that it is.
  [[nodiscard]] std::int64_t number(std::size_t param) const;
};

// The events of a capture, read without slurper's reader. A block that is cut off ends them.
std::vector<RecordedEvent> events_of(const std::string& path);

// What sysdig prints of a capture: its lines.
std::vector<std::string> sysdig(const std::string& path, const std::vector<std::string>& arguments);

}  // namespace slurper::test
