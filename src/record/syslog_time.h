// The times that syslog lines begin with.
#pragma once

#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Each reads a time at the beginning of `text` and says how many bytes it takes; 0 where there is none.
// `timestamp` stays empty where the time is one, but can't be told: Timestamp reaches from 1678 to 2261. Any
// thread; no allocation.

// RFC 3339 as RFC 5424 has it, "2003-10-11T22:14:15.003Z", "…+02:00": any number of nanosecond digits up to
// nine; also "+0200", as `journalctl -o short-iso` writes. The zone is a must. No leap seconds.
[[nodiscard]] std::size_t read_iso_time(std::string_view text, std::optional<Timestamp>& timestamp);

// "Oct 11 22:14:15", "Oct  1 …", "Oct 01 …", "Oct 1 …", and with a fraction, as syslog-ng's frac-digits()
// writes. The year may stand before the clock ("Oct 11 2003 22:14:15") or behind it, a zone ("CET", "+0200";
// zone_names.h) behind it.
//
// Mostly it has neither. Then it means, of all moments at which this machine's clocks show it, the last one
// that is less than a day ahead of `arrival`; of the two that a clock set back shows, the nearest to it. A
// time that clocks skip is told as if they had not been set forward. "Feb 29" is empty where neither this
// year nor the last has one.
//
// The zone's rules are asked once an hour of the lines' and kept by the thread.
[[nodiscard]] std::size_t read_local_time(std::string_view text, Timestamp arrival,
                                          std::optional<Timestamp>& timestamp);

}  // namespace slurper
