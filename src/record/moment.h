// Moments as people write them: on a command line, or copied from what a program has printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Which moment a text means that could mean two. A beginning means the earlier one and is never ahead of now
// if the text has no date: "23:50" is yesterday's at half past midnight. An end means the later one, today.
enum class Bound : std::uint8_t { Begin, End };

// Every form of time that slurper prints, and those that are quick to type; local time unless a zone is
// given:
//
//   2026-11-30T12:00:00.5Z      also with a blank for the T, with +01:00 or +0100, without a zone, without
//                               seconds, and the date alone (its 00:00)
//   12:00, 12:00:00.5           today, but see Bound
//   Nov 30 12:00:00             as in syslog lines: the last such moment; also with the year or a zone
//   @1764504000.5               seconds since 1970; the @ may be left out from nine digits on
//   10m, 1h30m, 2d              that long before `now`
//   now, today, yesterday       today is its 00:00
//
// Blanks around it do not count. Empty if the text is anything else, or means a moment before 1970 or after
// 2261. Any thread may call it.
[[nodiscard]] std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now, Bound bound);

}  // namespace slurper
