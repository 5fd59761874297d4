// RecordedMessages: what a part of slurper reports, in the words that an operator reads.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event.h"
#include "control/alerts.h"
#include "control/status_text.h"
#include "service/messages.h"
#include "support/said.h"

namespace slurper::test {

struct RecordedMessage {
  MessageLevel level;
  std::string text;
};

// The listener of a daemon, alerts and limits included; its messages are kept. Any thread.
class RecordedMessages {
 public:
  explicit RecordedMessages(Messages::Now now = MessageLimit::Clock::now, Messages::Lately lately = {})
      : messages_(
            alerts_, [this](MessageLevel level, std::string_view text) { keep(level, text); }, std::move(now),
            std::move(lately)) {}

  RecordedMessages(const RecordedMessages&) = delete;
  RecordedMessages& operator=(const RecordedMessages&) = delete;
  ~RecordedMessages() {
    if (is_kept_) keep_said(said_);
  }

  // What the test itself reports shows nothing of slurper: it does not count as produced.
  void keep_nothing() { is_kept_ = false; }

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
    constexpr std::array kLevels = {"debug", "info", "warning", "error", "critical"};
    said_ += std::string(kLevels[static_cast<std::size_t>(level)]) + ": " + std::string(text) + '\n';
    recorded_.push_back({.level = level, .text = std::string(text)});
    text_ += std::to_string(static_cast<int>(level)) + ": " + std::string(text) + '\n';
  }

  mutable std::mutex mutex_;
  std::vector<RecordedMessage> recorded_;
  std::string text_;
  std::string said_;
  bool is_kept_ = true;
  Alerts alerts_{[] {}};
  Messages messages_;
};

}  // namespace slurper::test
