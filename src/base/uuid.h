// Identifiers: of a log, and of a boot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

using Uuid = std::array<std::uint8_t, 16>;

// A random one (RFC 9562, version 4).
[[nodiscard]] Uuid new_uuid();

// Differs after every boot of the machine: /proc/sys/kernel/random/boot_id (random(4)).
[[nodiscard]] Result<Uuid> read_boot_id(Os& os);

// "6ba7b810-9dad-11d1-80b4-00c04fd430c8".
[[nodiscard]] std::string format(const Uuid& uuid);

// Reads such a text at the beginning of `text`.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text);

// Writes the same text at `at`, which has room for it, and returns the end. For text that is written with
// each line.
inline constexpr std::size_t kUuidTextSize = 36;
char* put_uuid(char* at, const Uuid& uuid);

}  // namespace slurper
