#include "sink/sink_log.h"

#include <systemd/sd-id128.h>

#include <algorithm>

namespace slurper {

namespace {

// slurper's own, which the machine's id is hashed with.
constexpr sd_id128_t kApplication = {.bytes = {0x3d, 0x0e, 0x7c, 0x52, 0x91, 0xa4, 0x4b, 0x0d, 0x8f, 0x66,
                                               0xc2, 0x1b, 0x5a, 0xe9, 0x37, 0x84}};

}  // namespace

MachineId sink_machine_id() {
  MachineId machine{};
  sd_id128_t id;
  if (::sd_id128_get_machine_app_specific(kApplication, &id) >= 0)
    std::ranges::copy(id.bytes, machine.begin());
  return machine;
}

}  // namespace slurper
