#include "cli/last_events.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/wrap.h"
#include "control/json_text.h"
#include "proc/proc_files.h"

namespace slurper {

FlightEnd end_of(const FlightHistory& history) {
  if (history.ended) return FlightEnd::EndedByItself;
  // One that its parent has not waited for yet has ended, too.
  const UniqueFd process_fd = open_directory(AT_FDCWD, fmt::format("/proc/{}", history.pid).c_str());
  const auto stat = read_process_stat(process_fd.get());
  if (stat && (stat->state == 'Z' || stat->state == 'X')) return FlightEnd::Killed;
  return ::kill(history.pid, 0) == 0 || errno == EPERM ? FlightEnd::Runs : FlightEnd::Killed;
}

std::string events_text(const FlightHistory& history, std::size_t most) {
  const auto heading = [&] {
    switch (end_of(history)) {
      case FlightEnd::Runs:
        return "runs. What it did last";
      case FlightEnd::EndedByItself:
        return "has ended by itself. What it did last";
      case FlightEnd::Killed:
        break;
    }
    return "did not end by itself. What it did last";
  };
  std::string text = fmt::format("slurper (pid {}) {}:\n", history.pid, heading());
  const auto& entries = history.entries;
  for (std::size_t i = entries.size() - std::min(entries.size(), most); i < entries.size(); ++i)
    text += wrap(flight_time(entries[i].at) + "  ", entries[i].text);
  return text;
}

std::string events_json(const FlightHistory& history) {
  const auto state = [&] {
    switch (end_of(history)) {
      case FlightEnd::Runs:
        return "running";
      case FlightEnd::EndedByItself:
        return "ended";
      case FlightEnd::Killed:
        break;
    }
    return "killed";
  };
  JsonText json;
  json.begin('{');
  json.name("pid");
  json.number(static_cast<std::uint64_t>(history.pid));
  json.name("state");
  json.string(state());
  json.name("events");
  json.begin('[');
  for (const FlightEntry& entry : history.entries) {
    json.item();
    json.begin('{');
    json.name("at");
    json.number(flight_milliseconds(entry.at));
    json.name("thread");
    json.number(static_cast<std::uint64_t>(entry.thread));
    json.name("is_message");
    json.flag(entry.is_message);
    json.name("text");
    json.string(entry.text);
    json.end('}');
  }
  json.end(']');
  json.end('}');
  return json.take() + '\n';
}

}  // namespace slurper
