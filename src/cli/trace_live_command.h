// slurper trace without -r: records, and shows at once what -r would show of the capture.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/fd.h"
#include "cli/trace.h"
#include "cli/trace_live.h"

namespace CLI {
class App;
}

namespace slurper {

struct LiveOptions {
  TraceSelection selection;
  std::string until;  // a filter; empty: everything is kept
  std::chrono::milliseconds before{10'000};
  std::chrono::milliseconds after{1'000};
  ByteSize memory{256ULL << 20};
  bool repeat = false;
  std::uint64_t rotate = 0;  // files to keep; 0: one file
  std::string output_file;  // for the lines; empty: standard output, or standard error if a command owns that
};

// Adds the options that choose what is recorded, and the one for the lines.
void add_live_options(CLI::App& parser, LiveOptions& options);

// Opens what the lines go to.
[[nodiscard]] Result<UniqueFd> open_trace_output(const LiveOptions& options);

// Whether -p means processes: digits and commas. Else it is a format.
[[nodiscard]] bool is_list_of_pids(const std::string& text);
[[nodiscard]] std::vector<pid_t> pids_in(const std::string& text);

// Returns the exit status: that of the command, if there is one.
int live_command(const LiveOptions& options, const TraceOptions& shown, std::FILE* err);

}  // namespace slurper
