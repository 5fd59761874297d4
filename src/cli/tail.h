// `slurper tail LOG`.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "cli/tail_choice.h"
#include "sink/format/format.h"
#include "slurper/record.h"

namespace slurper {

struct TailRequest {
  std::string log_path;
  std::optional<std::uint64_t> lines;  // the last ones; empty: all
  std::optional<StreamOffset> from;    // begins with the line that has this byte
  TailChoice::Times times;
  std::optional<RecordFilter> filter;
  Format format;
  bool follows = true;
};

// Writes what is asked for to `out_fd`, and reports what cannot be shown on `err`. Follows the log until its
// times end, or until the reader of `out_fd` is gone. Returns the exit status: 0; 65 (EX_DATAERR) if a part
// was damaged; that of the failure if the log can't be read, or `out_fd` not be written.
[[nodiscard]] int tail_command(const TailRequest& request, int out_fd, std::FILE* err);

}  // namespace slurper
