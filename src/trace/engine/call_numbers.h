// The calls that need more than a row of the table, by their numbers on x86-64.
#pragma once

#include <cstdint>

namespace slurper {

namespace number {
constexpr std::uint16_t kWrite = 1;
constexpr std::uint16_t kOpen = 2;
constexpr std::uint16_t kClose = 3;
constexpr std::uint16_t kWritev = 20;
constexpr std::uint16_t kPipe = 22;
constexpr std::uint16_t kConnect = 42;
constexpr std::uint16_t kAccept = 43;
constexpr std::uint16_t kRecvfrom = 45;
constexpr std::uint16_t kRecvmsg = 47;
constexpr std::uint16_t kSocketpair = 53;
constexpr std::uint16_t kClone = 56;
constexpr std::uint16_t kFork = 57;
constexpr std::uint16_t kVfork = 58;
constexpr std::uint16_t kExecve = 59;
constexpr std::uint16_t kFcntl = 72;
constexpr std::uint16_t kChdir = 80;
constexpr std::uint16_t kFchdir = 81;
constexpr std::uint16_t kSetuid = 105;
constexpr std::uint16_t kSetresuid = 117;
constexpr std::uint16_t kPrctl = 157;
constexpr std::uint16_t kOpenAt = 257;
constexpr std::uint16_t kAccept4 = 288;
constexpr std::uint16_t kPipe2 = 293;
constexpr std::uint16_t kExecveat = 322;
constexpr std::uint16_t kClone3 = 435;
constexpr std::uint16_t kOpenAt2 = 437;
}  // namespace number

[[nodiscard]] constexpr bool is_fork(std::uint16_t nr) {
  return nr == number::kClone || nr == number::kFork || nr == number::kVfork || nr == number::kClone3;
}

[[nodiscard]] constexpr bool is_exec(std::uint16_t nr) {
  return nr == number::kExecve || nr == number::kExecveat;
}

}  // namespace slurper
