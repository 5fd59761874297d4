// The records that the BPF programs hand to slurper-pipes, and slurper-pipes to slurper. C, for it is
// compiled for both.
#pragma once

#ifdef __cplusplus
#include <cstdint>
namespace slurper {
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
#endif

enum {
  PipeRecordDescriptor = 1,  // a process has the pipe open
  PipeRecordOpening = 2,     // a thread sleeps in open(2) or a call like it: `pid` and `tid` alone
  PipeRecordEnd = 3,         // of the answer of slurper-pipes; nothing follows it
};

// What the kernel knows of a pipe and of one descriptor of it.
struct PipeRecord {
  // The addresses of the open file and of the pipe's inode: keys while these live. slurper-pipes, which does
  // not write addresses of the kernel anywhere, replaces them by numbers from 1.
  u64 file, object;
  u64 inode;
  u64 bytes;         // in the pipe; ~0: it has more slots than are counted
  u32 device;        // as the kernel keeps it: major << 20 | minor
  u32 kind;          // PipeRecordDescriptor, PipeRecordOpening
  u32 pid, tid, fd;  // pids as the reader's PID namespace has them
  u32 flags;         // as in open(2)
  u32 head, tail;    // slots filled and emptied so far: both wrap
  u32 slots;
  u32 readers, writers;                  // open files of the pipe, by the kernel's own count
  u32 unfound_readers, unfound_writers;  // by slurper-pipes: how many of these no process has as a descriptor
  u16 path_size;  // what follows the record: the path, as the reader of the iterator sees it
  u8 is_wanted;   // the pipe is that of PipeConfig::target_fd
  u8 is_named;    // it is a FIFO, which pipe(2) has not made
};

struct PipeConfig {
  int target_fd;  // of the program that reads the iterator: its pipe is reported although it has no name
};

enum {
  PipeMaxPath = 4096,
  PipeMaxSlots = 4096,  // whose bytes are counted
};

#ifdef __cplusplus
static_assert(sizeof(struct PipeRecord) == 88);
}  // namespace slurper
#endif
