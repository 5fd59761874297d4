// The records that the BPF programs hand to the recorder. C, for it is compiled for both.
#pragma once

#ifdef __cplusplus
#include <cstdint>
namespace slurper {
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
#endif

enum {
  RecordCall = 1,   // a finished call
  RecordEnter = 2,  // a call that has begun, and sleeps
  RecordFork = 3,   // result: the new thread, args[0]: its process, args[1]: the flags of clone(2)
  RecordExec = 4,   // path: the program, data: its arguments, path2: its environment, bound: as of RecordExit
  // result: the status as wait(2) gives it, args[0]: 1 if it was the last thread; then bound: a bit for each
  // of its first descriptors, set if that is open
  RecordExit = 5,
  RecordSignal = 6,  // args[0]: the signal, args[1]: the receiving process, args[2]: its thread
  RecordState = 7,   // from the iterator: what is known of a thread
  RecordFile = 8,    // from the iterator: an open descriptor; args[0]: its number, args[1]: its open flags
  // A descriptor in a control message (SCM_RIGHTS), when it is sent and when it has been received: as
  // RecordFile, with args[2]: a key of the open file while that lives, which is never written anywhere;
  // args[3]: of what was received, the process that made the other end of the socket, or 0; args[4]: by
  // pidfd_getfd(2), the descriptor in that process, plus 1, else 0; path2: as with ShapeNamed. Descriptor -1:
  // more would have come, but the control buffer was too small (MSG_CTRUNC).
  RecordSent = 9,
  RecordReceived = 10,
  // Data that no process will read, for the AF_UNIX socket with it is closed; requested: its bytes, args[0]:
  // 1 if the object is that socket, 0 if it is the other end.
  RecordUnread = 11,
  // The process came into the selected unit (args[0]: 1), or left it (0); args[1]: its parent.
  RecordMove = 12,
};

enum {
  RecordNoBegin = 1,   // the call was already under way when the thread came to be watched
  RecordEntered = 2,   // RecordEnter of this call came before
  RecordCompat = 4,    // a call of the 32-bit kind, with its own numbers
  RecordOnFifo = 8,    // the object is the selected FIFO
  RecordSeen = 16,     // of RecordState: the thread has begun or ended a call since it is watched
  RecordPerhaps = 64,  // an open that may be one of the FIFO: its path tells
  RecordInCall = 32,   // of RecordState: a call is under way
};

enum {
  ObjectNone,
  ObjectFile,  // mode says of which kind
  ObjectPipe,
  ObjectUnix,
  ObjectIpv4,
  ObjectIpv6,
  ObjectSocket,  // of another family
};

struct PipeUse {
  u32 slots, slots_max, readers, writers;
};

struct LocalEnds {
  // The addresses of both ends: keys while the sockets live, and never written anywhere.
  u64 key, peer_key;
  u64 peer_ino;  // 0 before accept(2), and after the peer's close
};

struct InetEnds {
  u8 local_ip[16], remote_ip[16];
  u16 local_port, remote_port;
};

// What is behind a descriptor.
struct TraceObject {
  u64 ino;
  u32 dev;  // as the kernel keeps it: major << 20 | minor
  u16 mode;
  u8 kind;
  u8 protocol;
  union {
    struct PipeUse pipe;
    struct LocalEnds local;
    struct InetEnds inet;
  };
};

struct TraceRecord {
  u64 begin, end;  // CLOCK_MONOTONIC
  s64 result;
  u64 args[6];
  u32 tid, pid;
  u32 ruid, euid, suid, fsuid, rgid, egid, loginuid;
  u16 nr, cpu;
  u8 kind, flags;
  u16 path_size, path2_size, address_size, data_size;  // what follows the record, in this order
  u16 bound_size;  // then the bound path of an AF_UNIX socket, or its peer's
  char comm[16];
  u16 waker_size;  // then who has woken the thread last in this call, a struct Waker
  u16 unused;
  u64 requested;  // bytes in all the vectors of the call
  struct TraceObject object;
};

struct Waker {
  u32 tid, pid;
  char comm[16];
};

enum {
  TraceMostOpen = 1024,  // descriptors, of those that RecordExit has
  TraceMaxBytes = 20480,
  TraceMaxPiece = 4096,
  TraceMaxCalls = 512,
  TraceMaxCpus = 1024,
};

enum {
  BufferNone,
  BufferBytes,   // `count` bytes, or as many as the result says
  BufferIovec,   // `count` struct iovec
  BufferMsghdr,  // struct msghdr, with its address
  BufferFixed,   // `count` is the number of bytes
  BufferPoll,    // `count` struct pollfd
};

enum {
  ShapeFdResult = 1,     // the result is the descriptor whose object counts
  ShapeCloses = 2,       // the object is gone when the call has ended
  ShapeInput = 4,        // the buffer is filled by the call
  ShapeBound = 8,        // the bound path is wanted
  ShapeAddressOut = 16,  // the address is filled by the call; address_len points to its length
  ShapeFdPair = 64,      // the buffer is two descriptors, made by the call
  ShapeLife = 128,       // tells of the process itself: wanted from each holder of a selected FIFO
  ShapeOpens = 32,       // opens a path, and may sleep in that
  ShapePasses = 256,     // the second argument is a struct msghdr, which may carry descriptors
  ShapeTakes = 1024,     // the result is a copy of another process's descriptor: pidfd_getfd(2)
  ShapeMany = 512,       // it is an array of struct mmsghdr
  // The name of the file that is the result follows as path2: an absolute path, or its parts from the file to
  // the root, each with its NUL.
  ShapeNamed = 2048,
};

// How the arguments of a call are read. Arguments count from 1; 0: there is none.
struct CallShape {
  u8 fd, path, path2, buffer, buffer_kind, count, address, address_len;
  u32 flags;
};

// What the recorder chooses before the programs are loaded.
struct TraceConfig {
  u64 fifo_ino;
  u32 fifo_dev;
  u32 snaplen;
  u32 own_pid;         // the recorder, and the program that runs it: they are never watched
  u32 own_parent_pid;  // 0: none
  u8 by_fifo;          // only calls on the FIFO, and those in which its holders sleep
  u8 all_calls;        // with by_fifo: all calls of its holders
  u8 with_environment;
  u8 whole_machine;  // all processes but those listed
  u32 unit_size;     // of `unit`; 0: no unit is selected
  char unit[256];    // "/" and the name of a unit, as it ends the path of its cgroup
  u64 hierarchies;   // of cgroups, in which systemd keeps units: bit N for the one with the id N
  struct CallShape shapes[TraceMaxCalls];
};

// One for each processor, mapped into the recorder.
struct ProcessorState {
  u64 lost;        // records for which the ring had no room
  u64 call_since;  // begin of the call that runs there and was not reported yet, or 0
  u64 unused[6];
};

#ifdef __cplusplus
static_assert(sizeof(struct TraceObject) == 56);
static_assert(sizeof(struct TraceRecord) == 208);
static_assert(sizeof(struct Waker) == 24);
}  // namespace slurper
#endif
