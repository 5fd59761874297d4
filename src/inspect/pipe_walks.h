// PipeWalks: what the BPF iterator has shown, walk after walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "inspect/pipe_record.h"

namespace slurper {

// The first of `bytes`, with its path. Empty if they begin with no whole record. Removes it from them.
struct PipeRecordView {
  PipeRecord record;
  std::string_view path;
};
[[nodiscard]] std::optional<PipeRecordView> take_pipe_record(std::string_view& bytes);

// Compares the kernel's counts of the open files of each pipe with those that processes have as descriptors.
// A walk takes its time, and processes open and close pipes meanwhile: only what all walks lack is missing.
// Used by slurper-pipes, in one thread.
class PipeWalks {
 public:
  // The bytes that the iterator has written.
  void add(std::string_view walk);
  // Whether processes have all open files as descriptors: then another walk would show nothing new.
  [[nodiscard]] bool is_settled() const;
  // The records of the last walk and the end of the answer, without addresses.
  [[nodiscard]] std::string answer() const;

 private:
  struct Unfound {
    std::uint32_t readers = 0;
    std::uint32_t writers = 0;
  };
  std::string last_;
  std::map<std::uint64_t, Unfound> unfound_;  // by the address of the inode
  bool is_first_ = true;
};

}  // namespace slurper
