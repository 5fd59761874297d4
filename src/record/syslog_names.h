// The names of facilities and severities, as <syslog.h>, syslogd and its configuration spell them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace slurper {

struct SyslogName {
  std::string_view name;
  std::uint8_t number;
};

inline constexpr std::uint8_t kFacilities = 24;
inline constexpr std::uint8_t kSeverities = 8;

// All names. The names to write come first, each at its number. After them come those that are only read:
// "security", "panic", "error", "warn".
[[nodiscard]] std::span<const SyslogName> facility_names();
[[nodiscard]] std::span<const SyslogName> severity_names();

// "auth" for 4, "warning" for 4. The number is below kFacilities, kSeverities.
[[nodiscard]] std::string_view facility_name(std::uint8_t facility);
[[nodiscard]] std::string_view severity_name(std::uint8_t severity);

// The number of a name, in upper or lower case. Empty if it is no such name.
[[nodiscard]] std::optional<std::uint8_t> facility_number(std::string_view name);
[[nodiscard]] std::optional<std::uint8_t> severity_number(std::string_view name);

}  // namespace slurper
