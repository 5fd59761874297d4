#include "daemon/sd_notify.h"

#include <systemd/sd-daemon.h>

namespace slurper {

void notify_systemd(const std::string& state) {
  // A service manager that does not listen is no reason to stop reading.
  (void)::sd_notify(0, state.c_str());
}

}  // namespace slurper
