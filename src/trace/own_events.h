// The events that slurper adds to a capture, where sysdig has no place for them. sysdig skips types it does
// not know. All values are little endian.
#pragma once

#include <cstdint>

namespace slurper {

inline constexpr std::uint16_t kFirstOwnEvent = 0x8000;

// i64 result, u64 duration in nanoseconds, six u64 arguments: of the generic exit just written, by the same
// thread.
inline constexpr std::uint16_t kResultEvent = 0x8000;
// u16 cpu, u64 count: records lost on that cpu since the last event of this kind.
inline constexpr std::uint16_t kDropsEvent = 0x8002;
// i64 fd, u64 inode, u32 slots in use, u32 slots at most, u32 readers, u32 writers: the pipe behind fd, at
// the exit just written by the same thread, if that was EAGAIN, EPIPE, a short write, the end of what can be
// read, an open or a close.
inline constexpr std::uint16_t kPipeEvent = 0x8004;
// u64 inode, u64 bytes: thrown away unread when the AF_UNIX socket was closed.
inline constexpr std::uint16_t kUnreadEvent = 0x8006;
// Nothing: the enter event just written is of a call that was already under way.
inline constexpr std::uint16_t kBlockedEvent = 0x8008;
// u32 ruid, euid, suid, fsuid, rgid, egid, loginuid: of this thread, from now on.
inline constexpr std::uint16_t kIdentityEvent = 0x800a;
// u16 number: the generic exit just written is of a call of a 32-bit program, which has numbers of its own.
inline constexpr std::uint16_t kCompatEvent = 0x800c;
// Nothing: the recording ended at this time. Calls that had not ended had lasted until then.
inline constexpr std::uint16_t kEndEvent = 0x800e;

}  // namespace slurper
