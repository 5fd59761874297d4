#include "trace/engine/flags.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <span>

namespace slurper {

namespace {

struct Pair {
  std::uint64_t linux_value;
  std::uint32_t scap_value;
};

constexpr std::array<Pair, 11> kOpenFlags{{{0100, 4},
                                           {02000, 8},
                                           {010000, 16},
                                           {0200, 32},
                                           {04000, 64},
                                           {04000000, 128},
                                           {01000, 256},
                                           {040000, 512},
                                           {0200000, 1024},
                                           {0100000, 2048},
                                           {02000000, 4096}}};

constexpr std::array<Pair, 21> kCloneFlags{{{CLONE_FILES, 1},
                                            {CLONE_FS, 2},
                                            {CLONE_IO, 4},
                                            {CLONE_NEWIPC, 8},
                                            {CLONE_NEWNET, 16},
                                            {CLONE_NEWNS, 32},
                                            {CLONE_NEWPID, 64},
                                            {CLONE_NEWUTS, 128},
                                            {CLONE_PARENT, 256},
                                            {CLONE_PARENT_SETTID, 512},
                                            {CLONE_PTRACE, 1024},
                                            {CLONE_SIGHAND, 2048},
                                            {CLONE_SYSVSEM, 4096},
                                            {CLONE_THREAD, 8192},
                                            {CLONE_UNTRACED, 16384},
                                            {CLONE_VM, 32768},
                                            {CLONE_NEWUSER, 1 << 20},
                                            {CLONE_CHILD_CLEARTID, 1 << 23},
                                            {CLONE_CHILD_SETTID, 1 << 24},
                                            {CLONE_SETTLS, 1 << 25},
                                            {CLONE_VFORK, 1 << 27}}};

constexpr std::array<Pair, 12> kMmapFlags{{{MAP_SHARED, 1},
                                           {MAP_PRIVATE, 2},
                                           {MAP_FIXED, 4},
                                           {MAP_ANONYMOUS, 8},
                                           {MAP_32BIT, 16},
                                           {MAP_NORESERVE, 64},
                                           {MAP_POPULATE, 128},
                                           {MAP_NONBLOCK, 256},
                                           {MAP_GROWSDOWN, 512},
                                           {MAP_DENYWRITE, 1024},
                                           {MAP_EXECUTABLE, 2048},
                                           {MAP_LOCKED, 16384}}};

constexpr std::array<Pair, 11> kPollFlags{{{POLLIN, 1},
                                           {POLLPRI, 2},
                                           {POLLOUT, 4},
                                           {POLLRDHUP, 8},
                                           {POLLERR, 16},
                                           {POLLHUP, 32},
                                           {POLLNVAL, 64},
                                           {POLLRDNORM, 128},
                                           {POLLRDBAND, 256},
                                           {POLLWRNORM, 512},
                                           {POLLWRBAND, 1024}}};

constexpr std::array<Pair, 24> kFcntlCommands{
    {{F_DUPFD, 1},       {F_GETFD, 2},      {F_SETFD, 3},          {F_GETFL, 4},      {F_SETFL, 5},
     {F_GETLK, 6},       {F_SETLK, 8},      {F_SETLKW, 9},         {F_SETOWN, 10},    {F_GETOWN, 12},
     {10, 13},           {11, 15},          {F_SETOWN_EX, 21},     {F_GETOWN_EX, 22}, {F_SETLEASE, 23},
     {F_GETLEASE, 24},   {1029, 25},        {F_DUPFD_CLOEXEC, 26}, {F_NOTIFY, 27},    {F_SETPIPE_SZ, 28},
     {F_GETPIPE_SZ, 29}, {F_OFD_GETLK, 30}, {F_OFD_SETLK, 31},     {F_OFD_SETLKW, 32}}};

std::uint32_t translate(std::span<const Pair> pairs, std::uint64_t flags) {
  std::uint32_t result = 0;
  for (const Pair& pair : pairs)
    if (pair.linux_value != 0 && (flags & pair.linux_value) == pair.linux_value) result |= pair.scap_value;
  return result;
}

}  // namespace

std::uint32_t scap_open_flags(std::uint64_t flags) {
  constexpr std::array<std::uint32_t, 4> kAccess{1, 2, 3, 3};
  return kAccess[flags & 3] | translate(kOpenFlags, flags);
}

std::uint32_t scap_clone_flags(std::uint64_t flags) {
  return translate(kCloneFlags, flags);
}

std::uint32_t scap_mmap_flags(std::uint64_t flags) {
  return translate(kMmapFlags, flags);
}

std::uint16_t scap_poll_flags(std::uint16_t flags) {
  return static_cast<std::uint16_t>(translate(kPollFlags, flags));
}

std::uint8_t scap_fcntl_command(std::uint64_t command) {
  const auto found = std::ranges::find(kFcntlCommands, command, &Pair::linux_value);
  return found == kFcntlCommands.end() ? 0 : static_cast<std::uint8_t>(found->scap_value);
}

std::uint32_t device_for_programs(std::uint32_t kernel_device) {
  const std::uint32_t major = kernel_device >> 20;
  const std::uint32_t minor = kernel_device & 0xfffff;
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

std::uint32_t device_for_kernel(std::uint64_t device_of_programs) {
  return (::gnu_dev_major(device_of_programs) << 20) | ::gnu_dev_minor(device_of_programs);
}

}  // namespace slurper
