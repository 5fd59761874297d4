// The requests of the control socket: one line of JSON each, and one line of JSON as the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sink/sink_order.h"
#include "slurper/sink.h"

namespace slurper {

// Of requests and answers. Members may be added without a new version.
inline constexpr std::uint64_t kControlVersion = 1;
inline constexpr std::size_t kMaxRequest = 4096;  // bytes, without the newline

enum class ControlVerb : std::uint8_t { GetStatus, Rotate, Reload, Pause, Resume, Rewind, SetLevel };

// {"version":1,"verb":"rewind","sink":"relp","offset":100}; other members are ignored.
struct ControlRequest {
  ControlVerb verb = ControlVerb::GetStatus;
  std::string sink = {};      // of Pause, Resume and Rewind
  RewindTo to = {};           // of Rewind: "offset", or "time" in milliseconds since 1970, or "to"
  Level level = Level::Info;  // of SetLevel

  bool operator==(const ControlRequest&) const = default;
};

// `line` is without its newline. Why not: a sentence for whoever wrote the request.
[[nodiscard]] std::expected<ControlRequest, std::string> parse_request(std::string_view line);
// With the newline.
[[nodiscard]] std::string to_request(const ControlRequest& request);

// Whether it takes root, or slurper's own user: everything but a question.
[[nodiscard]] constexpr bool changes_something(ControlVerb verb) {
  return verb != ControlVerb::GetStatus;
}

// The name of a level of messages: "debug". And back.
[[nodiscard]] std::string_view name_of(Level level);
[[nodiscard]] const Level* find_level(std::string_view name);

// What to_refusal() is about.
enum class Refusal : std::uint8_t { Failed, NoPermission };

// {"version":1,"error":"…"}, without a newline; {"version":1,"error":"…","reason":"permission"} if this user
// may not ask.
[[nodiscard]] std::string to_refusal(std::string_view why, Refusal refusal = Refusal::Failed);

// What a verb that changes something has done, in words. {"version":1,"outcome":"…"}, without a newline.
[[nodiscard]] std::string to_outcome(std::string_view outcome);

}  // namespace slurper
