// slurper trace: shows the system calls of a capture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "slurper/result.h"
#include "trace/view/trace_view.h"

namespace slurper {

struct TraceOptions {
  std::string read_file;
  std::string html_file;            // the page; empty: lines
  std::vector<std::string> filter;  // its words
  std::string format = std::string(kDefaultFormat);
  std::string time = "h";
  std::uint64_t max_events = UINT64_MAX;
  std::size_t data_length = 80;
  bool calls = false;
  bool summary = false;
  bool top = false;
  std::string explain;  // "true" or "all"; empty without
  bool follow_bytes = false;
  bool json = false;
  bool sysdig = false;
  bool ascii = false;
  bool hex = false;
  bool hex_ascii = false;
  bool base64 = false;
};

// What the options ask for. A doubtful filter is reported to `err`.
[[nodiscard]] Result<ViewRequest> view_request(const TraceOptions& options, std::FILE* err);

// Empty without a filter. A doubtful one is reported to `err`.
[[nodiscard]] Result<std::optional<TraceFilter>> compile_trace_filter(const std::string& text,
                                                                      std::FILE* err);

// Shows a capture. Returns the exit status.
int trace_command(const TraceOptions& options, int out_fd, std::FILE* err);

// Reports the error to `err`, and returns the exit status for it.
int report_to(std::FILE* err, const Error& error);

// Lists the fields of filters and formats.
int list_trace_fields(std::FILE* out);

}  // namespace slurper
