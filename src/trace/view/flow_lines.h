// FlowLines: says in lines which bytes of a pipe went from whom to whom.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trace/flow/transfer.h"

namespace slurper {

// Why bytes are not surely those of a write, in words; empty if they are.
[[nodiscard]] std::string_view reason_of(Doubt doubt);

// Counts the lines in each pipe, as long as all of its bytes are recorded. For one thread.
class FlowLines {
 public:
  explicit FlowLines(std::function<void(std::string_view line)> output) : output_(std::move(output)) {}

  // `id` is of this pipe alone; a later one has a higher id.
  void take(std::uint64_t id, const std::string& name, FlowRead read);
  // Says what waits for bytes in front of it.
  void finish();

 private:
  struct Pipe {
    std::string name;
    std::uint64_t offset = 0;              // behind the bytes that were counted
    std::optional<std::uint64_t> line{1};  // in which the next byte is
    std::map<std::uint64_t, FlowRead> waiting;
  };
  // Bytes in sequence that one writer wrote, and the same reader has read.
  struct Part {
    FlowPiece piece;
    std::optional<std::uint64_t> first_line;
    std::optional<std::uint64_t> last_line;
  };

  void say(Pipe& pipe, const FlowRead& read);
  void say_waiting(Pipe& pipe, bool all);
  static Part count(Pipe& pipe, const FlowRead& read, const FlowPiece& piece, std::uint64_t position);
  void say(const std::string& name, const FlowRead& read, const Part& part);

  std::function<void(std::string_view)> output_;
  std::map<std::uint64_t, Pipe> pipes_;  // by id
};

}  // namespace slurper
