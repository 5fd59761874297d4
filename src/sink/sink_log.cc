#include "sink/sink_log.h"

#include <systemd/sd-id128.h>

#include <algorithm>

namespace slurper {

namespace {

// slurper's own, which the machine's id is hashed with.
constexpr sd_id128_t kApplication =
    SD_ID128_MAKE(3d, 0e, 7c, 52, 91, a4, 4b, 0d, 8f, 66, c2, 1b, 5a, e9, 37, 84);

}  // namespace

MachineId sink_machine_id() {
  MachineId machine{};
  sd_id128_t id;
  if (::sd_id128_get_machine_app_specific(kApplication, &id) >= 0)
    std::ranges::copy(id.bytes, machine.begin());
  return machine;
}

}  // namespace slurper
