// OperatorRequests: carries out what is asked at the control socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/event.h"
#include "control/control_server.h"
#include "control/intake_desk.h"
#include "log/log_thread.h"
#include "sink/sinks.h"

namespace slurper {

// What a reload has done, in the words of its messages.
struct ReloadOutcome {
  bool is_done = false;
  std::string text;
};

// Whatever changes something is done by the thread that owns it, within a time that is bounded, and is
// reported with the name of the user that has asked. The control server's thread calls it.
class OperatorRequests {
 public:
  struct Parts {
    IntakeDesk& desk;
    LogThread& log;
    Sinks& sinks;                           // of the intake's thread
    std::function<std::string()> status;    // the answer to GetStatus
    std::function<ReloadOutcome()> reload;  // on the intake's thread
    EventListener& events;
    // How long it waits for the log's thread, or a sink's. A pause and a rewind take less than that, unless a
    // call of the sink's own holds them up.
    std::chrono::milliseconds patience = std::chrono::seconds(8);
  };
  // What `parts` refers to outlives it, and what it returns.
  explicit OperatorRequests(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] std::variant<std::string, ControlServer::Later> answer(const ControlRequest& request,
                                                                       const Asker& asker) const;

 private:
  [[nodiscard]] std::variant<std::string, ControlServer::Later> rotate(const Asker& asker) const;
  [[nodiscard]] std::string reload(const Asker& asker) const;
  [[nodiscard]] std::variant<std::string, ControlServer::Later> give(const ControlRequest& request,
                                                                     const Asker& asker) const;
  [[nodiscard]] std::string set_level(Level level, const Asker& asker) const;

  const Parts parts_;
};

}  // namespace slurper
