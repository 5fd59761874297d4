// What slurper tells systemd about itself: sd_notify(3).
#pragma once

#include <string>

namespace slurper {

// Lines of "KEY=value". Does nothing where nobody listens ($NOTIFY_SOCKET is not set).
void notify_systemd(const std::string& state);

}  // namespace slurper
