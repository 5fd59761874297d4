#include "base/uuid.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace slurper {

namespace {

constexpr const char* kBootIdPath = "/proc/sys/kernel/random/boot_id";

// 00, 01, …, ff: each record that a sink writes as JSON has the log's UUID.
constexpr std::array<char, 512> kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = kDigits[i >> 4];
    pairs[2 * i + 1] = kDigits[i & 0xf];
  }
  return pairs;
}();

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() < kUuidTextSize) return std::nullopt;
  Uuid uuid{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (text[at++] != '-') return std::nullopt;
    }
    const auto high = hex_digit(text[at++]);
    const auto low = hex_digit(text[at++]);
    if (!high || !low) return std::nullopt;
    uuid[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return uuid;
}

Uuid new_uuid() {
  Uuid uuid{};
  // getrandom(2) is never short and never interrupted for 256 bytes or less.
  if (getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) std::abort();
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

Result<Uuid> read_boot_id(Os& os) {
  const Phrase what = about_file(PhraseId::ReadBootId, kBootIdPath);
  const UniqueFd fd(os.open(kBootIdPath, O_RDONLY));
  if (!fd) return fail_errno(-fd.get(), what);
  std::array<char, kUuidTextSize + 1> text{};
  const ssize_t size = os.read(fd.get(), text.data(), text.size());
  if (size < 0) return fail_errno(static_cast<int>(-size), what);
  const auto uuid = parse_uuid(std::string_view(text.data(), static_cast<std::size_t>(size)));
  if (!uuid) return fail(ErrorKind::Io, what, PhraseId::NotAUuid);
  return *uuid;
}

std::string format(const Uuid& uuid) {
  std::string text(kUuidTextSize, '\0');
  put_uuid(text.data(), uuid);
  return text;
}

char* put_uuid(char* at, const Uuid& uuid) {
  const auto put = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      std::memcpy(at, kHexPairs.data() + std::size_t{2} * uuid[i], 2);
      at += 2;
    }
  };
  put(0, 4);
  for (std::size_t group = 4; group < 10; group += 2) {
    *at++ = '-';
    put(group, group + 2);
  }
  *at++ = '-';
  put(10, uuid.size());
  return at;
}

}  // namespace slurper
