#include "recorder/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace slurper {

namespace {

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

// CAP_PERFMON and CAP_BPF are 38 and 39 since Linux 5.8.
constexpr std::uint64_t kKept = bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(38) | bit(39);

}  // namespace

void drop_privileges() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return;
  for (unsigned i = 0; i < 2; ++i) {
    const auto kept = static_cast<std::uint32_t>(kKept >> (32 * i));
    data[i].effective &= kept;
    data[i].permitted &= kept;
    data[i].inheritable = 0;
  }
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);  // it executes nothing more
  (void)::syscall(SYS_capset, &header, data);      // fewer rights can't be refused
}

}  // namespace slurper
