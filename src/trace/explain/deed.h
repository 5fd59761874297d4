// Deed: something that a thread did, and what recognisers say of it.
#pragma once

#include <cstdint>
#include <string>

#include "trace/explain/finding.h"
#include "trace/model/model.h"

namespace slurper {

// Number 0: it never did.
struct Deed {
  std::uint64_t time = 0;
  std::uint64_t number = 0;
  Actor who{};
  std::int64_t fd = -1;

  [[nodiscard]] explicit operator bool() const { return number != 0; }
};

// Under the name of its process.
[[nodiscard]] Actor actor_of(const Model& model, const Thread& thread);
[[nodiscard]] Deed deed_of(const TraceEvent& event);
// What is behind a descriptor, as lines have it; "a pipe", for example, if it has no name.
[[nodiscard]] std::string text_of_file(const OpenFile& file);
// "SIGKILL"; a number if it has no name.
[[nodiscard]] std::string signal_name(std::int64_t signal);

}  // namespace slurper
