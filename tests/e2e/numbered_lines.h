// Numbered syslog lines, and what has become of them at a destination.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/syslog_receiver.h"

namespace slurper::test {

// Each 50th is of another program, for filters.
inline bool is_rare(int number) {
  return number % 50 == 0;
}
inline std::string message_of(int number) {
  return fmt::format(
      "line {:08} {}", number,
      std::string(static_cast<std::size_t>(20 + number % 50), static_cast<char>('a' + number % 26)));
}
inline std::string line_of(int number) {
  return fmt::format("<13>Nov 21 22:14:15 host {}[7]: {}", is_rare(number) ? "rare" : "prog",
                     message_of(number));
}

// The number of the line whose message `text` ends with, every byte of it; -1: none.
inline int number_in(std::string_view text) {
  constexpr std::size_t kDigits = 8;
  const std::size_t at = text.rfind("line ");
  if (at == std::string_view::npos || text.size() < at + 5 + kDigits) return -1;
  int number = 0;
  for (const char c : text.substr(at + 5, kDigits)) {
    if (c < '0' || c > '9') return -1;
    number = 10 * number + (c - '0');
  }
  return text.substr(at) == message_of(number) ? number : -1;
}

struct Account {
  int lost = 0;
  int doubled = 0;
  int early = 0;  // before the one in front of it had come
  int back = 0;   // how often an older one followed than was due
  int torn = 0;   // no whole line, and not the end of a connection
  std::string first_wrong = {};

  [[nodiscard]] std::string text() const {
    return fmt::format("{} lost, {} doubled, {} early, {} times back, {} torn {}", lost, doubled, early, back,
                       torn, first_wrong);
  }
};

// Of the lines 0 to `count` that are `wanted`.
inline Account account_for(std::span<const SyslogReceiver::Message> received, int count,
                           const std::function<bool(int)>& wanted) {
  std::vector<int> due;
  for (int number = 0; number < count; ++number) {
    if (wanted(number)) due.push_back(number);
  }
  std::vector<int> times(due.size());
  Account account;
  std::ptrdiff_t next = 0;      // of those never seen
  std::ptrdiff_t expected = 0;  // behind the one before
  for (std::size_t i = 0; i < received.size(); ++i) {
    const bool begins = i == 0 || received[i].connection != received[i - 1].connection;
    const int number = received[i].whole ? number_in(received[i].text) : -1;
    const auto place = std::ranges::lower_bound(due, number);
    if (number < 0 || place == due.end() || *place != number) {
      // What a reader that died has left in a pipe, its successor gets the rest of.
      const bool cut = !received[i].whole || begins;
      if (!cut && account.torn++ == 0) account.first_wrong = received[i].text;
      continue;
    }
    const auto index = place - due.begin();
    if (index > next) ++account.early;
    if (index < expected) ++account.back;
    if (times[static_cast<std::size_t>(index)]++ > 0) ++account.doubled;
    next = std::max(next, index + 1);
    expected = index + 1;
  }
  account.lost = static_cast<int>(std::ranges::count(times, 0));
  return account;
}

}  // namespace slurper::test
