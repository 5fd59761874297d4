#include "record/zone_names.h"

#include <algorithm>
#include <array>

namespace slurper {

namespace {

using std::chrono::minutes;

struct Zone {
  std::string_view name;
  minutes east;
};

constexpr Zone zone(std::string_view name, int hours, int more = 0) {
  return {name, minutes(60 * hours + (hours < 0 ? -more : more))};
}

constexpr std::array kZones = {
    zone("UTC", 0),   zone("GMT", 0),   zone("UT", 0),       zone("WET", 0),       zone("WEST", 1),
    zone("BST", 1),   zone("CET", 1),   zone("CEST", 2),     zone("MET", 1),       zone("MEST", 2),
    zone("EET", 2),   zone("EEST", 3),  zone("SAST", 2),     zone("MSK", 3),       zone("IST", 5, 30),
    zone("PKT", 5),   zone("WIB", 7),   zone("SGT", 8),      zone("HKT", 8),       zone("AWST", 8),
    zone("JST", 9),   zone("KST", 9),   zone("ACST", 9, 30), zone("ACDT", 10, 30), zone("AEST", 10),
    zone("AEDT", 11), zone("NZST", 12), zone("NZDT", 13),    zone("NST", -3, 30),  zone("NDT", -2, 30),
    zone("AST", -4),  zone("ADT", -3),  zone("EST", -5),     zone("EDT", -4),      zone("CST", -6),
    zone("CDT", -5),  zone("MST", -7),  zone("MDT", -6),     zone("PST", -8),      zone("PDT", -7),
    zone("AKST", -9), zone("AKDT", -8), zone("HST", -10),
};

}  // namespace

std::optional<minutes> zone_offset(std::string_view name) {
  const auto found = std::ranges::find(kZones, name, &Zone::name);
  if (found == kZones.end()) return std::nullopt;
  return found->east;
}

}  // namespace slurper
