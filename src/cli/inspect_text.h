// What `slurper inspect` shows of a pipe, and of all FIFOs.
#pragma once

#include <string>
#include <vector>

#include "base/screen_text.h"
#include "cli/finding.h"
#include "inspect/pipe_facts.h"

namespace slurper {

// A pipe with what is wrong with it.
struct InspectedPipe {
  PipeFacts facts;
  Findings findings;  // the worst first
};

// "FIFO '/run/fifo'", "pipe 12345".
[[nodiscard]] std::string name_of(const PipeFacts& facts);

// How many processes have it open for reading, or for writing; without slurper's keep-alive writer.
struct HolderCounts {
  std::size_t readers = 0;
  std::size_t writers = 0;
};
[[nodiscard]] HolderCounts count_holders(const PipeFacts& facts);

// The findings, then the pipe, then its holders, in lines of at most 80 columns unless a word is longer.
[[nodiscard]] std::string pipe_text(const InspectedPipe& pipe);

// A row for each, with the worst that is wrong with it below.
[[nodiscard]] std::string fifos_text(const std::vector<InspectedPipe>& pipes);

}  // namespace slurper
