// Shape: where an event has what the model and the view need, looked up once for each type.
#pragma once

#include <cstdint>

#include "trace/call_table.h"

namespace slurper {

enum class Category : std::uint8_t {
  Other,
  File,
  Net,
  Ipc,
  Wait,
  Signal,
  Sleep,
  Time,
  Process,
  Scheduler,
  Memory,
  User,
  System,
  Io,  // file, net or ipc, by the descriptor
};

struct Shape {
  const EventInfo* info = nullptr;
  std::int8_t fd = -1;      // the parameter that is the descriptor the event is about
  std::int8_t result = -1;  // of an exit
  std::int8_t data = -1;
  bool creates_fd = false;
  bool reads = false;
  bool writes = false;
  bool waits = false;
  Category category = Category::Other;
};

// The shape of a type; that of an unknown one has no info. Any thread may call it.
[[nodiscard]] const Shape& shape_of(std::uint16_t type);

// The end of clone, fork, vfork or clone3: one event of the parent, and one of the child.
// The end of a thread: the type of an event, which is no call's.
inline constexpr std::uint16_t kProcessExit = 186;

[[nodiscard]] constexpr bool is_clone_exit(std::uint16_t type) {
  return type == 223 || type == 225 || type == 227 || type == 335;
}

}  // namespace slurper
