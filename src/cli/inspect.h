// slurper inspect: lsof for one pipe, and what is wrong with it.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cli/inspect_text.h"
#include "inspect/pipe_facts.h"

namespace slurper {

struct InspectOptions {
  std::optional<std::string> target;  // without it: all FIFOs
  bool json = false;
  bool watch = false;
};

// "4711:0" is a descriptor of a process, everything else a path ("./4711:0", too).
[[nodiscard]] PipeTarget pipe_target(const std::string& text);

// Looks at it, and judges what it sees.
[[nodiscard]] Result<InspectedPipe> inspect_pipe(const std::string& target);
[[nodiscard]] std::vector<InspectedPipe> inspect_fifos();

// 0: nothing is wrong. 1: something is. ErrorKind::NoPermission: the answer may be incomplete.
[[nodiscard]] int inspect_status(const InspectedPipe& pipe);

int inspect_command(const InspectOptions& options, std::FILE* out, std::FILE* err);

}  // namespace slurper
