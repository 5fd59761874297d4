// slurper's own events in a capture: what sysdig's format has no place for. sysdig skips these types, and
// counts none of them.
#pragma once

#include <cstdint>

namespace slurper {

// Values are little endian; parameters are in the order given. All are single events: they have no exit.
enum class OwnEvent : std::uint16_t {
  // i64 res, u64 duration in nanoseconds: of a generic call, which has no result in the format. Comes right
  // after the generic exit, with its thread.
  Result = 0x8000,
  // u16 cpu, u64 lost: how many records that processor has lost since its last event of this kind.
  Drops = 0x8002,
  // i64 fd, u64 ino, u32 slots, u32 slots_max, u32 readers, u32 writers: the pipe behind the descriptor of
  // the
  // exit just written, if that was EAGAIN, EPIPE, a short result or a close.
  Pipe = 0x8004,
  // u64 ino, u64 bytes: what an AF_UNIX socket had received and threw away unread when it was closed.
  Unread = 0x8006,
  // none: the enter event just written is of a call that was under way when the recorder attached. Its time
  // is
  // that of the attachment.
  Blocked = 0x8008,
  // u32 ruid, euid, suid, fsuid, rgid, egid, loginuid: of this thread, if they have changed.
  Identity = 0x800a,
  // u16 number: the exit just written is of a call of a 32-bit program, with that program's number.
  Compat = 0x800c,
};

}  // namespace slurper
