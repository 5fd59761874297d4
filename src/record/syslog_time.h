// Parses the times with which syslog lines begin. syslog_time.cc is one file, since the year, the zone and
// the hour that clocks skip or show twice decide together which moment a local time means.
#pragma once

#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Each function reads a time at the beginning of `text` and returns how many bytes it takes; 0 if there is
// none. `timestamp` stays empty if a Timestamp, which covers 1678 to 2261, can't represent the time. Any
// thread may call them; they allocate nothing.

// RFC 3339 as in RFC 5424, "2003-10-11T22:14:15.003Z", "…+02:00": up to nine fractional digits; also "+0200",
// which `journalctl -o short-iso` writes. The zone is mandatory. No leap seconds.
[[nodiscard]] std::size_t read_iso_time(std::string_view text, std::optional<Timestamp>& timestamp);

// "Oct 11 22:14:15", "Oct  1 …", "Oct 01 …", "Oct 1 …", also with a fraction, which syslog-ng's frac-digits()
// writes. The year may stand before the clock ("Oct 11 2003 22:14:15") or after it, a zone ("CET", "+0200";
// zone_names.h) after it.
//
// Most times have neither. Then the time means, of all moments at which this machine's clocks show it, the
// last one that is less than a day ahead of `arrival`. If a clock that is set back shows it twice, it means
// the nearer one. If clocks skip it, it is converted as if they had not been set forward. "Feb 29" is empty
// if neither this year nor the last has one.
//
// Each thread looks up the zone's rules once for an hour of the lines' times, and caches them.
[[nodiscard]] std::size_t read_local_time(std::string_view text, Timestamp arrival,
                                          std::optional<Timestamp>& timestamp);

}  // namespace slurper
