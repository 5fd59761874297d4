// The requests of the control socket: one line of JSON each, and one line of JSON as the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace slurper {

// Of requests and answers. Members may be added without a new version.
inline constexpr std::uint64_t kControlVersion = 1;
inline constexpr std::size_t kMaxRequest = 4096;  // bytes, without the newline

enum class ControlVerb : std::uint8_t { GetStatus };

// {"version":1,"verb":"status"}; other members are ignored. `line` is without its newline. Why not: a
// sentence for whoever wrote the request.
[[nodiscard]] std::expected<ControlVerb, std::string> parse_request(std::string_view line);
// With the newline.
[[nodiscard]] std::string to_request(ControlVerb verb);

// {"version":1,"error":"…"}, without a newline.
[[nodiscard]] std::string to_refusal(std::string_view why);

}  // namespace slurper
