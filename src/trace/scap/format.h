// The constants of sysdig's capture format, as of 2022 (sysdig 0.29.3), and of what came after it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slurper {

inline constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
inline constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
inline constexpr std::uint32_t kMachineBlock = 0x201;
inline constexpr std::uint32_t kProcessesBlock = 0x215;
inline constexpr std::uint32_t kEventBlock = 0x216;
inline constexpr std::uint32_t kFlaggedEventBlock = 0x217;
inline constexpr std::uint32_t kFdsBlock = 0x218;
inline constexpr std::uint32_t kInterfacesBlock = 0x219;
inline constexpr std::uint32_t kUsersBlock = 0x220;
inline constexpr std::uint32_t kLargeEventBlock = 0x221;         // 32 bits a length, since libs 0.10
inline constexpr std::uint32_t kLargeFlaggedEventBlock = 0x222;  // both

// A block is its type, its length, its body, padding, and its length again.
inline constexpr std::size_t kBlockHead = 8;
inline constexpr std::size_t kBlockFrame = 12;
inline constexpr std::size_t kEventHead = 26;  // u64 time, u64 thread, u32 length, u16 type, u32 parameters

inline constexpr std::uint32_t kStateOnly =
    1;  // a flagged event that changes what is known, and is not shown

// The types of descriptors, in the tables.
enum class FdType : std::uint8_t {
  Unknown = 0,
  Block = 1,
  Directory = 2,
  IPv4 = 3,
  IPv6 = 4,
  IPv4Server = 5,
  IPv6Server = 6,
  Fifo = 7,
  Unix = 8,
  Event = 9,
  Unsupported = 10,
  SignalFd = 11,
  EventPoll = 12,
  Inotify = 13,
  TimerFd = 14,
  Netlink = 15,
  File = 16,
};

inline constexpr std::uint8_t kTcp = 2;
inline constexpr std::uint8_t kUdp = 3;

// The flags of open(2) in a capture.
inline constexpr std::uint32_t kOpenForReading = 1;  // both: O_RDWR
inline constexpr std::uint32_t kOpenForWriting = 2;
inline constexpr std::uint32_t kOpenNonblocking = 64;
inline constexpr std::uint32_t kOpenDirectory = 1024;
inline constexpr std::uint32_t kOpenCloseOnExec = 4096;

}  // namespace slurper
