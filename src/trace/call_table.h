// The system calls and the events of sysdig's capture format: one table, from which captures are written,
// read and shown.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "trace/symbols.h"

namespace slurper {

enum class ParamType : std::uint8_t {
  Fd,     // i64: a descriptor, or -errno
  Errno,  // i64: a result, or -errno
  Pid,    // i64
  Int8,   // the sizes of numbers are those of their names
  Int16,
  Int32,
  Int64,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
  Flags8,  // with symbols
  Flags16,
  Flags32,
  Mode,     // u32: permissions
  Signal,   // u8
  Uid,      // u32
  Gid,      // u32
  SigSet,   // u32
  RelTime,  // u64: nanoseconds
  Syscall,  // u16: sysdig's number of a system call
  Text,     // with its NUL
  Path,     // with its NUL
  RelPath,  // relative to a directory's descriptor, with its NUL
  Bytes,
  SockAddr,  // u8 family; path with NUL, or address and u16 port
  Tuple,     // u8 family; two u64 and path with NUL, or address, u16 port, address, u16 port
  FdList,    // u16 count, of i64 descriptor and u16 poll(2) flags
  Dynamic,   // u8 which of the types that the parameter can have, and the value
  Texts,     // NUL-terminated, several
  Pairs,
};

// The bytes that a value of this type takes; 0 if it is no number.
[[nodiscard]] std::uint8_t size_of(ParamType type);

enum class NumberBase : std::uint8_t { Decimal, Hexadecimal, Octal };

struct Param {
  std::string_view name;
  ParamType type = ParamType::Int64;
  NumberBase base = NumberBase::Decimal;
  const SymbolTable* symbols = nullptr;
};

struct EventInfo {
  std::uint16_t type = 0;
  bool is_exit = false;
  // An event that is no half of a call, such as a signal: has a number, but no exit.
  bool is_single = false;
  std::string_view name;
  std::vector<Param> params = {};
  // How many of the parameters sysdig 0.29.3 knows: write no more.
  std::size_t classic_params = 0;
};

inline constexpr std::uint16_t kGenericEnter = 0;  // calls that have no event of their own
inline constexpr std::uint16_t kGenericExit = 1;
inline constexpr std::uint16_t kFirstNewEvent =
    336;  // unknown to sysdig 0.29.3, which skips it: do not write it

// The event of that type; nullptr if the table lacks it. Any thread may call it.
[[nodiscard]] const EventInfo* event_info(std::uint16_t type);

inline constexpr std::uint16_t kNoNumber = 0xffff;

struct Call {
  std::uint16_t number = kNoNumber;  // on x86-64
  std::string_view name;
  std::uint16_t event = kGenericEnter;  // the type of its enter event; the exit's is one above
  // sysdig's number, which generic events have as ID; 0 if sysdig 0.29.3 has none.
  std::uint16_t sysdig_id = 0;
};

// All calls, those of x86-64 in the order of their numbers.
[[nodiscard]] std::span<const Call> calls();

// The call with that number on x86-64; nullptr if the table lacks it.
[[nodiscard]] const Call* find_call(std::uint16_t number);
[[nodiscard]] const Call* find_call(std::string_view name);

// The name of a generic event's call; empty if neither is known.
[[nodiscard]] std::string_view generic_name(std::uint16_t sysdig_id, std::uint16_t number);

}  // namespace slurper
