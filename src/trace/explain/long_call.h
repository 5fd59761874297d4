// LongCall: a call in which a thread was for long, and what it waited for there.
#pragma once

#include <cstdint>
#include <string>

#include "trace/explain/epoll_sets.h"
#include "trace/explain/finding.h"
#include "trace/model/model.h"

namespace slurper {

// Two numbers that name a pipe or a connection; 0 and 0: neither.
using ChannelKey = std::pair<std::uint64_t, std::uint64_t>;
[[nodiscard]] ChannelKey channel_key_of(const OpenFile& file);

// What the end of a call depends on.
enum class Awaited : std::uint8_t {
  Nothing,   // that another process does, as far as the recording tells
  OtherEnd,  // of a pipe or a connection: that its holder reads or writes
  Child,     // that one ends
  Lock,      // on a file: that its holder gives it up
  Opening,   // of a FIFO for what this call does not open it for
  Waker,     // whoever woke the thread is known, and nothing else
};

// One that took a millisecond or more.
struct LongCall {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t number = 0;  // of its beginning
  std::string call{};
  std::string file{};  // as lines have it; empty if the call is not about one
  Awaited awaited = Awaited::Nothing;
  OpenFilePointer own;          // the end of the channel, or the file with the lock
  ChannelKey channel{};         // of a read or a write on a pipe or a connection, or of a wait for either
  bool writes = false;          // or opens for writing
  bool has_time_out = false;    // or may have: it can go on although nothing happens
  bool is_under_way = false;    // when the recording ended, or at the moment in question
  bool began_earlier = false;   // than the recording
  bool is_interrupted = false;  // by a signal
  std::int64_t failure = 0;     // the errno, if it has failed
  Actor waker{};                // who woke the thread last; pid 0: not known

  // What it waited for had not come.
  [[nodiscard]] bool was_in_vain() const { return is_under_way || is_interrupted; }
  // "read on <p>/run/x"
  [[nodiscard]] std::string on_file() const { return file.empty() ? call : call + " on " + file; }
};

// The call that ends with this event; or that begins with it, if it has not ended by `now`.
[[nodiscard]] LongCall long_call_of(const TraceEvent& event, const EpollSets& epolls, std::uint64_t now);

}  // namespace slurper
