// The events that slurper adds to a capture, where sysdig has no place for them. sysdig skips types it does
// not know. All values are little endian.
#pragma once

#include <cstdint>
#include <string_view>

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
// u64 inode or 0, u64 bytes, u64 server's end, u64 client's end: thrown away unread when the AF_UNIX socket
// was closed, by the close under way, or by the end of the process just before. The ends are those of the
// tuple, or 0.
inline constexpr std::uint16_t kUnreadEvent = 0x8006;
// u8: 0 if the thread's next event, an enter event, is of a call that was already under way when the thread
// came to be recorded; 1 if the call that the thread is in has slept, and has not ended when the recording
// does.
inline constexpr std::uint16_t kBlockedEvent = 0x8008;
inline constexpr std::uint8_t kWasUnderWay = 0;
inline constexpr std::uint8_t kStillSleeps = 1;
// u32 ruid, euid, suid, fsuid, rgid, egid, loginuid: of this thread, from now on.
inline constexpr std::uint16_t kIdentityEvent = 0x800a;
// u16 number: the generic exit just written is of a call of a 32-bit program, which has numbers of its own.
inline constexpr std::uint16_t kCompatEvent = 0x800c;
// Nothing: the recording ended at this time. Calls that had not ended had lasted until then.
inline constexpr std::uint16_t kEndEvent = 0x800e;
// i64 fd, u64 passing: the message that the thread sends has this descriptor with it (SCM_RIGHTS). `passing`
// is a number of that.
inline constexpr std::uint16_t kSentEvent = 0x8010;
// i64 fd, u64 passing or 0, i64 sending process or -1, i64 its descriptor or -1, u32 open flags as in an open
// event, an entry of a table of descriptors without its length: the thread has received this descriptor, in a
// message or by pidfd_getfd(2). fd -1, and nothing else: the kernel closed what the control buffer had no
// room for.
inline constexpr std::uint16_t kReceivedEvent = 0x8012;

// i64 thread, i64 process, text name: has woken the thread last in the call whose exit follows.
inline constexpr std::uint16_t kWakerEvent = 0x8016;
// bytes: a bit for each of the first descriptors of the process, from the lowest of the first byte on, set if
// that is open: after the execve(2) that has just returned, or when the process ends, which the next event
// says.
inline constexpr std::uint16_t kOpenEvent = 0x8018;
// Nothing: after a loss, the tables were read anew, and stand in front of this event.
inline constexpr std::uint16_t kTablesEvent = 0x8014;
// u64 inode of a FIFO, or 0: every process that uses that FIFO is recorded, or every process of the machine.
inline constexpr std::uint16_t kScopeEvent = 0x8030;
// i64 fd, u64 inode, u32 flags: this descriptor is one of a pipe, by the call just written, unless
// kWasPipeBefore is set.
inline constexpr std::uint16_t kPipeKindEvent = 0x8032;
inline constexpr std::uint32_t kPassesPackets = 1;  // O_DIRECT: what is written to it are packets
inline constexpr std::uint32_t kReadsPipe = 2;      // it cannot be written to
inline constexpr std::uint32_t kWasPipeBefore = 4;
// i64 nanoseconds by which the clock was set: the times of all events in front of this one are of the clock
// as it was before.
inline constexpr std::uint16_t kClockEvent = 0x8020;

// Text: the process has had this file mapped, to write to it through memory, or the queues of an io_uring,
// since before the recording.
inline constexpr std::uint16_t kMappingEvent = 0x8022;
inline constexpr std::string_view kIoUringQueues = "anon_inode:[io_uring]";  // as proc_pid_maps(5) has it

}  // namespace slurper
