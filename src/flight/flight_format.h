// The layout of the flight recorder's file, version 1: a header and three rings of fixed slots.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace slurper::flight_format {

inline constexpr char kMagic[8] = {'s', 'l', 'u', 'r', 'f', 'l', 't', '\n'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kCalls = 4096;
inline constexpr std::size_t kNotes = 128;
inline constexpr std::size_t kNames = 512;

// Each slot is written by whoever makes its stamp odd, and is whole while the stamp is even and not 0: twice
// the number of the slot's content, which counts from 1. A thread that is killed leaves an odd stamp. All
// members are relaxed atomics: a slot that is read while it is written is left out, not torn.

// A system call. Times are CLOCK_BOOTTIME, in nanoseconds: the wall clock may be set.
struct CallSlot {
  std::atomic<std::uint64_t> stamp;
  std::atomic<std::int64_t> at;        // when it returned
  std::atomic<std::int64_t> duration;  // -1: not measured, because the call does not sleep
  std::atomic<std::int64_t> result;    // a value, or -errno
  std::atomic<std::uint64_t> size;     // the bytes asked for; of rename(2), the number of the new name
  std::atomic<std::int64_t> offset;    // -1: none
  std::atomic<std::int32_t> fd;        // -1: none
  std::atomic<std::uint32_t> name;     // the number of the file's name; 0: not known
  std::atomic<std::uint32_t> thread;   // its id
  std::atomic<std::uint16_t> call;     // FlightCall
  std::uint16_t reserved;
};
static_assert(sizeof(CallSlot) == 64);

// A message.
struct NoteSlot {
  std::atomic<std::uint64_t> stamp;
  std::atomic<std::int64_t> at;
  std::atomic<std::uint64_t> calls;  // how many calls had been recorded before it
  std::atomic<std::uint32_t> thread;
  std::atomic<std::uint32_t> length;    // of the text, in bytes
  std::atomic<std::uint64_t> text[28];  // cut to this
};
static_assert(sizeof(NoteSlot) == 256);

// The name of a file. If it is too long, its end.
struct NameSlot {
  std::atomic<std::uint64_t> stamp;
  std::atomic<std::uint64_t> length;
  std::atomic<std::uint64_t> text[14];
};
static_assert(sizeof(NameSlot) == 128);

struct Header {
  char magic[8];
  std::uint32_t version;
  std::int32_t pid;
  std::atomic<std::uint32_t> ended;  // 1: slurper has ended by itself
  std::uint32_t reserved;
  std::atomic<std::uint64_t> calls;  // how many have been recorded
  std::atomic<std::uint64_t> notes;
  std::atomic<std::uint64_t> names;
  std::uint8_t reserved_1[16];
};
static_assert(sizeof(Header) == 64);

struct File {
  Header header;
  CallSlot calls[kCalls];
  NoteSlot notes[kNotes];
  NameSlot names[kNames];
};

}  // namespace slurper::flight_format
