// EpollSets: what each epoll instance watches, as far as the recording tells.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "trace/model/model.h"

namespace slurper {

// One thread uses it.
class EpollSets {
 public:
  // Takes each of slurper's own events.
  void take(const TraceEvent& event);
  // The one file that an epoll_wait(2) of this thread waits for. nullptr if there are several; or if it is
  // not known, because the process has several instances (the call's events do not say which one it is
  // about), or because the instance was made before the recording.
  [[nodiscard]] OpenFilePointer only_file(const Thread& thread) const;

 private:
  struct Set {
    OpenFilePointer instance;  // so that no other file gets its address
    std::map<std::int64_t, std::weak_ptr<OpenFile>> watched;
    bool is_large = false;  // there are more
  };
  std::unordered_map<const OpenFile*, Set> sets_;
};

}  // namespace slurper
