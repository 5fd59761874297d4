// The abbreviations of time zones that follow the times of syslog lines.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace slurper {

// How far "CET" is ahead of UTC. Empty if the abbreviation is unknown; then it may be a host.
//
// Some abbreviations mean more than one zone: this takes CST and IST as RFC 5322 and the majority do, in
// America and in India. read_local_time() tries this machine's own zone first. Any thread may call it; it
// allocates nothing.
[[nodiscard]] std::optional<std::chrono::minutes> zone_offset(std::string_view name);

}  // namespace slurper
