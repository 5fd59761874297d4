// The recorder as the tests run it, and what they read of its captures.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "support/child.h"
#include "support/temp_dir.h"

namespace slurper::test {

// Why no capture can be made here with this engine; empty if one can.
std::string no_recorder(const std::string& engine);

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

// A pipe. Its ends close with it.
struct Pipe {
  Pipe();
  UniqueFd read_end;
  UniqueFd write_end;
};

// Types of events: enter events of calls, and slurper's own.
inline constexpr std::uint16_t kReadEnter = 6;
inline constexpr std::uint16_t kWriteEnter = 8;
inline constexpr std::uint16_t kProcessExit = 186;
inline constexpr std::uint16_t kResultEvent = 0x8000;
inline constexpr std::uint16_t kDropsEvent = 0x8002;
inline constexpr std::uint16_t kPipeEvent = 0x8004;
inline constexpr std::uint16_t kBlockedEvent = 0x8008;
inline constexpr std::uint16_t kTablesEvent = 0x8014;
inline constexpr std::uint16_t kCompatEvent = 0x800c;

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

std::vector<std::string> lines_of(const std::string& text);
// What another program prints, which succeeds.
std::string output_of(const std::vector<std::string>& argv);
// What sysdig prints of a capture: its lines.
std::vector<std::string> sysdig(const std::string& path, const std::vector<std::string>& arguments);
// What slurper trace -r prints of it.
std::vector<std::string> slurper(const std::string& path, const std::vector<std::string>& arguments);

// Recordings with one engine, into one file. Skips the test if the engine is not available.
class RecorderSite : public testing::Test {
 protected:
  explicit RecorderSite(std::string engine) : engine_(std::move(engine)) {}
  void SetUp() override;

  [[nodiscard]] Program recorder(std::vector<std::string> arguments) const;
  [[nodiscard]] Recorded record(std::vector<std::string> arguments) const;
  // Records traced_program into capture_, from its beginning to its end.
  [[nodiscard]] Recorded record_program(const std::vector<std::string>& task) const;
  // What slurper shows of capture_: its lines.
  [[nodiscard]] std::vector<std::string> slurper_lines(const std::vector<std::string>& arguments) const;
  static std::vector<std::string> arguments(std::vector<std::string> options,
                                            const std::vector<std::string>& program);
  [[nodiscard]] std::string make_fifo() const;
  // The recorder traces, and writes what it sees.
  [[nodiscard]] bool attached() const;

  std::string engine_;
  TempDir folder_;
  std::string capture_ = folder_ / "capture";
};

// A test that both engines pass.
class BothEngines : public RecorderSite, public testing::WithParamInterface<std::string> {
 protected:
  BothEngines() : RecorderSite(GetParam()) {}
};
inline std::string name_of_engine(const testing::TestParamInfo<std::string>& engine) {
  return engine.param;
}
inline auto both_engines() {
  return testing::Values("bpf", "ptrace");
}

}  // namespace slurper::test
