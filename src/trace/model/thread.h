// Thread: a thread, as far as the capture tells.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "trace/model/fd_table.h"
#include "trace/scap/scap_reader.h"

namespace slurper {

inline constexpr std::uint32_t kNoId = 0xffffffff;

// Who a thread is at the moment.
struct Identity {
  std::uint32_t ruid = kNoId;
  std::uint32_t euid = kNoId;
  std::uint32_t suid = kNoId;
  std::uint32_t fsuid = kNoId;
  std::uint32_t gid = kNoId;
  std::uint32_t loginuid = kNoId;
};

// The enter event whose exit has not come. Its values are copied, for the block that it came from is gone.
struct PendingCall {
  bool is_open = false;
  bool is_generic_done = false;  // its result may still come, as an event of slurper's own
  bool is_hidden = false;        // its enter event is state-only, and no line is shown of it
  std::uint16_t type = 0;
  std::uint64_t time = 0;
  std::uint64_t clock_step = 0;  // of the clock by which that is: see Model
  std::uint64_t number = 0;      // evt.num
  std::int64_t fd = -1;
  // What was behind the descriptor then. Once a close(2) has begun, another thread may get the number.
  OpenFilePointer file;
  std::uint32_t param_count = 0;
  std::uint32_t length_size = 2;
  std::string bytes;  // lengths, then values
  // It was under way when the recorder came, or sleeps when the recording ends.
  bool was_blocked = false;
  // Who has woken the thread last in this call; no thread: not known.
  std::int64_t waker_tid = 0;
  std::int64_t waker_pid = 0;
  std::string waker_name;

  [[nodiscard]] ScapEvent event(std::int64_t tid) const {
    ScapEvent event;
    event.time = time;
    event.tid = tid;
    event.type = type;
    event.param_count = param_count;
    event.length_size = length_size;
    event.lengths = bytes.data();
    event.values = std::string_view(bytes).substr(param_count * std::size_t{length_size});
    return event;
  }
};

struct Thread {
  std::int64_t tid = 0;
  std::int64_t pid = 0;
  std::int64_t parent = -1;
  std::int64_t session = -1;
  std::int64_t virtual_tid = -1;
  std::int64_t virtual_pid = -1;
  // False if the first that was heard of it was one of its calls.
  bool is_known = false;
  // False if the tables were restated without it: its end was lost, or is still to come.
  bool is_listed = true;
  bool has_ended = false;      // what the kernel says of its end may still follow
  bool was_shown = false;      // its last event, by whoever shows events
  bool shares_files = false;   // with the main thread of its process
  bool comes_blocked = false;  // the call whose enter event comes next was under way before
  std::string name;
  std::string exe;
  std::string exe_path;
  std::string arguments;  // joined by blanks
  std::string directory;  // ends with '/'
  std::uint64_t cloned_at = 0;
  Identity identity;
  std::shared_ptr<FdTable> fds;
  PendingCall pending;
};

}  // namespace slurper
