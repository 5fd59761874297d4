// Messages: turns events into words and alerts.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <string_view>

#include "base/event.h"
#include "base/message_limit.h"
#include "control/alerts.h"
#include "service/message_table.h"

namespace slurper {

// The only listener of a daemon: raises and clears the alert of each event, and writes its message as the
// table says. So a lasting condition is reported once, and repeated messages are rate-limited: slurper reads
// what a syslogd writes, which may be these very messages.
class Messages final : public EventListener {
 public:
  using Write = std::function<void(MessageLevel level, std::string_view text)>;
  using Now = std::function<MessageLimit::Clock::time_point()>;
  // The last system calls of the calling thread, as text; empty if they are not known.
  using Lately = std::function<std::string()>;

  // `alerts` outlives it. It calls `write` under a lock, with one message at a time. `lately`: an error is
  // followed by what it returns; a start or a run that has failed altogether says itself what it was.
  Messages(Alerts& alerts, Write write, Now now = MessageLimit::Clock::now, Lately lately = {});

  void on_event(const Event& event) noexcept override;

 private:
  [[nodiscard]] bool is_shown(const MessageEntry& entry, const Event& event);
  // Returns whether the limit of such messages let it pass.
  bool write(const MessageEntry& entry, const Event& event);

  Alerts& alerts_;
  const Write write_;
  const Now now_;
  const Lately lately_;
  std::mutex mutex_;
  std::array<MessageLimit, kEventIds> limits_;  // guarded by the mutex
};

}  // namespace slurper
