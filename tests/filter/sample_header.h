// A plain reader of syslog headers, for tests and measurements that want records with fields in them.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// "<PRI>Mmm dd hh:mm:ss host program[pid]: message", or "<PRI>1 time host program pid msgid sd message"; the
// times are taken for the arrival.
inline void parse_sample_header(std::string_view line, Timestamp arrival, SyslogHeader& header) {
  header.message = line;
  std::string_view rest = line;
  const auto word = [&] {
    const std::string_view found = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(found.size() + 1, rest.size()));
    return found == "-" ? std::string_view() : found;
  };
  unsigned priority = 0;
  if (!rest.starts_with('<')) return;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), priority);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != '>' || priority > 191) return;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  header.facility = static_cast<std::uint8_t>(priority / 8);
  header.severity = static_cast<std::uint8_t>(priority % 8);
  header.timestamp = arrival;
  if (rest.starts_with("1 ")) {
    header.format = HeaderFormat::Rfc5424;
    (void)word();
    (void)word();
    header.host = word();
    header.program = word();
    header.pid = word();
    header.message_id = word();
    if (rest.starts_with('[')) {
      const std::size_t close = std::min(rest.rfind(']'), rest.size() - 1);
      header.structured_data = rest.substr(0, close + 1);
      rest.remove_prefix(std::min(close + 2, rest.size()));
    } else {
      (void)word();
    }
    header.message = rest;
    return;
  }
  header.format = HeaderFormat::Rfc3164;
  rest.remove_prefix(std::min<std::size_t>(16, rest.size()));
  header.host = word();
  const std::string_view tag = rest.substr(0, rest.find(':'));
  rest.remove_prefix(std::min(tag.size() + 2, rest.size()));
  const std::size_t bracket = std::min(tag.find('['), tag.size());
  header.program = tag.substr(0, bracket);
  if (bracket < tag.size()) header.pid = tag.substr(bracket + 1, tag.find(']') - bracket - 1);
  header.message = rest;
}

}  // namespace slurper
