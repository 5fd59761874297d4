// The numbers of sysdig's capture format.
#pragma once

#include <cstdint>

namespace slurper {

inline constexpr std::uint32_t kSectionBlock = 0x0a0d0d0a;
inline constexpr std::uint32_t kByteOrderMark = 0x1a2b3c4d;
inline constexpr std::uint32_t kMachineBlock = 0x201;
inline constexpr std::uint32_t kProcessesBlock = 0x215;
inline constexpr std::uint32_t kEventBlock = 0x216;
inline constexpr std::uint32_t kFlaggedEventBlock = 0x217;
inline constexpr std::uint32_t kFdsBlock = 0x218;
inline constexpr std::uint32_t kInterfacesBlock = 0x219;
inline constexpr std::uint32_t kUsersBlock = 0x220;

}  // namespace slurper
