// RecordedMessages: what a part of slurper reports, in the words that an operator reads.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event.h"
#include "control/alerts.h"
#include "control/status_text.h"
#include "service/messages.h"

namespace slurper::test {

struct RecordedMessage {
  MessageLevel level;
  std::string text;
};

// The listener of a daemon, alerts and limits included; its messages are kept. Any thread.
class RecordedMessages {
 public:
  explicit RecordedMessages(Messages::Now now = MessageLimit::Clock::now)
      : messages_(
            alerts_, [this](MessageLevel level, std::string_view text) { keep(level, text); },
            std::move(now)) {}

  [[nodiscard]] EventListener& listener() { return messages_; }

  // Since the last call.
  [[nodiscard]] std::vector<RecordedMessage> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(recorded_, {});
  }
  // All so far, a line each: "2: text", with the level's number.
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  // As the status shows them.
  [[nodiscard]] std::string alerts() const { return to_text(alerts_.active()); }

 private:
  void keep(MessageLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    recorded_.push_back({.level = level, .text = std::string(text)});
    text_ += std::to_string(static_cast<int>(level)) + ": " + std::string(text) + '\n';
  }

  mutable std::mutex mutex_;
  std::vector<RecordedMessage> recorded_;
  std::string text_;
  Alerts alerts_{[] {}};
  Messages messages_;
};

}  // namespace slurper::test
