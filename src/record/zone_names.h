// The abbreviations of time zones that stand behind the times of syslog lines.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace slurper {

// How far "CET" is ahead of UTC. Nothing if it is no abbreviation that is known; then it may be a host.
//
// Some mean more than one zone: CST and IST are taken as RFC 5322 and the majority have them, in America and
// in India. read_local_time() asks this machine's own zone first. Any thread; no allocation.
[[nodiscard]] std::optional<std::chrono::minutes> zone_offset(std::string_view name);

}  // namespace slurper
