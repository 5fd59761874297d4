// A time zone for the duration of a test.
#pragma once

#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <thread>

namespace slurper {

// Calls `body` with local time as `zone` has it, in the form of TZ. On a thread of its own: each thread
// remembers what it knows of the zone.
inline void in_zone(const std::string& zone, const std::function<void()>& body) {
  ::setenv("TZ", zone.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no other thread runs
  ::tzset();
  std::thread(body).join();
}

inline constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

}  // namespace slurper
