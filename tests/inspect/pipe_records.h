// Records as the BPF programs, or slurper-pipes, write them.
#pragma once

#include <fcntl.h>

#include <string>
#include <string_view>

#include "inspect/pipe_record.h"

namespace slurper::test {

inline std::string bytes_of(PipeRecord record, std::string_view path = "") {
  record.path_size = static_cast<u16>(path.size());
  return std::string(reinterpret_cast<const char*>(&record), sizeof record).append(path);
}

// A descriptor of the open file with that address, of the pipe at address 1000.
inline PipeRecord descriptor(u64 file, u32 flags, u32 readers, u32 writers) {
  PipeRecord record{};
  record.kind = PipeRecordDescriptor;
  record.file = file;
  record.object = 1000;
  record.inode = 5;
  record.device = (8U << 20) | 17;
  record.pid = 20;
  record.tid = 20;
  record.fd = 3;
  record.flags = flags;
  record.slots = 16;
  record.readers = readers;
  record.writers = writers;
  record.is_named = 1;
  return record;
}

inline std::string end_of_answer() {
  PipeRecord record{};
  record.kind = PipeRecordEnd;
  return bytes_of(record);
}

}  // namespace slurper::test
