// Locks: who has locked which file by flock(2).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trace/explain/deed.h"
#include "trace/model/model.h"

namespace slurper {

// What fcntl(2) locks is not in a recording. One thread uses it.
class Locks {
 public:
  struct Taken : Deed {
    OpenFilePointer by;          // the lock belongs to the open file
    std::uint64_t released = 0;  // the time; 0: not by a call of flock(2)
  };

  // Takes the end of a flock(2) that has not failed.
  void take(const TraceEvent& event);
  // The locks on the file of another open file than this one, which were not released before `from`.
  [[nodiscard]] std::vector<Taken> others(const OpenFile& file, std::uint64_t from) const;

 private:
  // Device and path: a recording does not have the inode of every file.
  using Key = std::pair<std::uint32_t, std::string>;
  std::map<Key, std::vector<Taken>> locks_;
};

}  // namespace slurper
