#include "service/sd_notify.h"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>

namespace slurper {

bool systemd_listens() {
  return std::getenv("NOTIFY_SOCKET") != nullptr;
}

// If the service manager does not listen, slurper still reads: failures don't matter.
void notify_systemd(const std::string& state) {
  (void)::sd_notify(0, state.c_str());
}

void notify_systemd(const std::string& state, int fd) {
  (void)::sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1);
}

std::vector<PassedFd> take_passed_fds() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  std::vector<PassedFd> passed;
  for (int i = 0; i < count; ++i) {
    passed.push_back({names[i], UniqueFd(SD_LISTEN_FDS_START + i)});
    std::free(names[i]);
  }
  std::free(static_cast<void*>(names));
  return passed;
}

std::optional<std::chrono::microseconds> watchdog_period() {
  std::uint64_t usec = 0;
  if (::sd_watchdog_enabled(0, &usec) <= 0) return std::nullopt;
  return std::chrono::microseconds(usec);
}

}  // namespace slurper
