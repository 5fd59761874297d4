#include "service/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace slurper {

namespace {

template <std::size_t... I>
std::array<MessageLimit, kEventIds> limits_of(std::span<const MessageEntry> table,
                                              std::index_sequence<I...>) {
  return {MessageLimit(table[I].limit, std::chrono::minutes(1))...};
}

// The subject of the alert, if there may be several: "'mysink'".
std::string subject_of(const Event& event) {
  const auto sink = std::ranges::find(event.arguments, std::string_view("sink"), &EventArgument::name);
  return sink != event.arguments.end() ? render("{sink}", event) : "";
}

}  // namespace

Messages::Messages(Alerts& alerts, Write write, Now now, Lately lately)
    : alerts_(alerts),
      write_(std::move(write)),
      now_(std::move(now)),
      lately_(std::move(lately)),
      limits_(limits_of(message_table(), std::make_index_sequence<kEventIds>())) {}

void Messages::on_event(const Event& event) noexcept {
  try {
    const MessageEntry& entry = entry_of(event.id);
    if (!is_shown(entry, event) || !write(entry, event)) return;
    if (entry.level != MessageLevel::Error || !lately_) return;
    if (const std::string calls = lately_(); !calls.empty())
      report(EventId::CallsBefore, {{"calls", std::string_view(calls)}});
  } catch (...) {
    // Memory has run out: this message is lost, and the work continues.
  }
}

bool Messages::is_shown(const MessageEntry& entry, const Event& event) {
  const std::string subject = subject_of(event);
  const bool cleared = entry.clears && alerts_.clear(*entry.clears, subject);
  if (entry.clears_all) alerts_.clear_all(subject);
  Alerts::Change change = Alerts::Change::None;
  if (entry.raises) change = alerts_.raise(*entry.raises, render(entry.alert_cause, event), subject);
  switch (entry.shown) {
    case Shown::Always:
      return true;
    case Shown::WhenRaised:
      return change == Alerts::Change::Raised;
    case Shown::WhenChanged:
      return change != Alerts::Change::None;
    case Shown::WhenCleared:
      return cleared;
    case Shown::Never:
      return false;
  }
  return true;  // no other value exists
}

bool Messages::write(const MessageEntry& entry, const Event& event) {
  std::string text = render(entry.words, event);
  const std::lock_guard lock(mutex_);
  if (entry.limit > 0) {
    MessageLimit& limit = limits_[static_cast<std::size_t>(entry.id)];
    const std::optional<std::uint64_t> suppressed = limit.admit(now_());
    if (!suppressed) return false;
    if (*suppressed > 0)
      text += fmt::format(". There {} {} more like this", *suppressed == 1 ? "was" : "were", *suppressed);
    if (limit.exhausted()) text += ". Further messages like this are rate-limited";
  }
  write_(entry.level, text);
  return true;
}

}  // namespace slurper
