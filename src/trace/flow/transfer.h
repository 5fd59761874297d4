// What goes into a pipe and comes out of it, as far as a capture tells.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slurper {

// Why it is not sure whose bytes a read has returned.
enum class Doubt : std::uint8_t {
  None,
  Snaplen,      // less of the data was recorded than is needed to tell it
  Dropped,      // the recorder lost events
  NotWatched,   // a process has the pipe open that is not recorded
  BeforeTrace,  // the bytes may have been in the pipe when the recording began
  Identical,    // overlapping writes have the same data
  UnderWay,     // a call on the pipe had not ended
};

inline constexpr std::uint64_t kStillUnderWay = UINT64_MAX;

// Who made a call, through which descriptor.
struct PipeUser {
  std::int64_t pid = 0;
  std::string name;
  std::int64_t fd = 0;
  bool operator==(const PipeUser&) const = default;
};

// A call that moves bytes. `begin` and `end` are numbers of events: one call comes before another if it ended
// before the other began; else they overlap, and either may have come first.
struct PipeTransfer {
  std::uint64_t begin = 0;
  std::uint64_t end = kStillUnderWay;
  std::uint64_t requested = 0;  // bytes; 0: not known
  std::uint64_t length = 0;     // bytes that were moved
  std::string data;             // the first of them, as many as were recorded
  PipeUser user;
  std::uint64_t number = 0;  // of the event with which the call began, else of that with which it ended
  bool is_wanted = true;     // by the filter
  // Of a write: each page is a packet, which one read takes, or a part of it, and the rest is thrown away
  // (O_DIRECT, pipe(2)).
  bool is_packet = false;
  // Of a write: bytes of another one may come between its own, for it waited for room (pipe(7), PIPE_BUF).
  bool may_be_divided = false;
  // It began before events were lost: its bytes may have been moved before, too.
  bool is_old = false;
  // Of a read: if it returns less than it asked for, it left the pipe empty. splice(2) may stop earlier.
  bool takes_all = false;
};

// A part of what a read has returned.
struct FlowPiece {
  std::optional<std::uint64_t> offset;  // in the pipe, since the recording began
  std::uint64_t length = 0;
  std::uint64_t discarded = 0;                // bytes of the packet that were thrown away behind it
  std::uint64_t from = 0;                     // the offset of its first byte in the write
  std::shared_ptr<const PipeTransfer> write;  // whose bytes they are; empty if that is not known
  Doubt doubt = Doubt::None;
};

// What has become of bytes that were written.
enum class Fate : std::uint8_t {
  Read,
  Unread,  // they were in the pipe when the recording ended
  Lost,    // all who used the pipe had closed it
};

struct FlowRead {
  PipeTransfer read;              // nothing is set if no read has returned the bytes
  std::vector<FlowPiece> pieces;  // all of its bytes, in order
  Fate fate = Fate::Read;
};

}  // namespace slurper
