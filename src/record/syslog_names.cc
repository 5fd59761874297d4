#include "record/syslog_names.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace slurper {

namespace {

// <syslog.h> has no names for 12 to 15; these are rsyslog's.
constexpr auto kFacilityNames = std::to_array<SyslogName>({
    {"kern", 0},      {"user", 1},    {"mail", 2},    {"daemon", 3},  {"auth", 4},
    {"syslog", 5},    {"lpr", 6},     {"news", 7},    {"uucp", 8},    {"cron", 9},
    {"authpriv", 10}, {"ftp", 11},    {"ntp", 12},    {"audit", 13},  {"alert", 14},
    {"clock", 15},    {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
    {"local4", 20},   {"local5", 21}, {"local6", 22}, {"local7", 23}, {"security", 4},
});

constexpr auto kSeverityNames = std::to_array<SyslogName>({
    {"emerg", 0},
    {"alert", 1},
    {"crit", 2},
    {"err", 3},
    {"warning", 4},
    {"notice", 5},
    {"info", 6},
    {"debug", 7},
    {"panic", 0},
    {"error", 3},
    {"warn", 4},
});

constexpr bool each_at_its_number(std::span<const SyslogName> names, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i].number != i) return false;
  }
  return true;
}
static_assert(each_at_its_number(kFacilityNames, kFacilities));
static_assert(each_at_its_number(kSeverityNames, kSeverities));

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::uint8_t> number_of(std::span<const SyslogName> names, std::string_view name) {
  const auto found = std::ranges::find_if(
      names, [&](const SyslogName& one) { return std::ranges::equal(one.name, name, {}, {}, lower); });
  if (found == names.end()) return std::nullopt;
  return found->number;
}

}  // namespace

std::span<const SyslogName> facility_names() {
  return kFacilityNames;
}

std::span<const SyslogName> severity_names() {
  return kSeverityNames;
}

std::string_view facility_name(std::uint8_t facility) {
  assert(facility < kFacilities);
  return kFacilityNames[facility].name;
}

std::string_view severity_name(std::uint8_t severity) {
  assert(severity < kSeverities);
  return kSeverityNames[severity].name;
}

std::optional<std::uint8_t> facility_number(std::string_view name) {
  return number_of(kFacilityNames, name);
}

std::optional<std::uint8_t> severity_number(std::string_view name) {
  return number_of(kSeverityNames, name);
}

}  // namespace slurper
