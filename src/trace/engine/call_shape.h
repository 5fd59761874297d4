// How the arguments of each call are read in the kernel, and which parameters of its events they become.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "trace/engine/event.h"

namespace slurper {

struct CallReading {
  std::string_view name;
  // "fd=1 size=3": the event's parameter `fd` is the first argument. Paths, data, addresses and results need
  // no mention: their types tell.
  std::string_view params;
  CallShape shape;
};

[[nodiscard]] std::span<const CallReading> call_readings();

// By the call's number on x86-64, for the kernel.
[[nodiscard]] std::array<CallShape, TraceMaxCalls> shapes_by_number();

}  // namespace slurper
