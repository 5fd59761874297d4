#include "support/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"

namespace slurper::test {

namespace {

constexpr std::size_t kHeader = 17;  // up to the filler
constexpr std::size_t kMinLine = 60;
constexpr std::size_t kPool = 1 << 16;
constexpr std::size_t kLengths = 1 << 12;

std::uint64_t mix(std::uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

struct Tables {
  std::array<char, kPool + kMaxLine> pool;
  std::array<std::size_t, kLengths> lengths;

  Tables() {
    for (std::size_t i = 0; i < pool.size(); ++i) {
      const auto byte = static_cast<char>(mix(i % kPool) & 0xff);
      pool[i] = byte == '\n' ? ' ' : byte;
    }
    // Many short lines and few long ones, as syslog has them.
    for (std::size_t i = 0; i < kLengths; ++i) {
      const double share = (static_cast<double>(i) + 0.5) / kLengths;
      lengths[i] = kMinLine + static_cast<std::size_t>(std::pow(share, 1.667) * (kMaxLine - kMinLine + 1));
    }
  }
};

const Tables& tables() {
  static const Tables made_once;
  return made_once;
}

std::uint64_t key_of(unsigned writer, std::uint64_t sequence) {
  return mix(sequence | static_cast<std::uint64_t>(writer) << 48);
}
std::size_t length_of(std::uint64_t key) {
  return tables().lengths[key % kLengths];
}
const char* filler_of(std::uint64_t key) {
  return tables().pool.data() + (key >> 16) % kPool;
}

void put_digits(char* out, int digits, std::uint64_t value) {
  while (digits > 0) {
    out[--digits] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

template <typename Number>
bool get_digits(std::string_view text, Number& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ptr == text.data() + text.size();
}

}  // namespace

std::size_t make_line(char* out, unsigned writer, std::uint64_t sequence) {
  const std::uint64_t key = key_of(writer, sequence);
  const std::size_t length = length_of(key);
  std::memcpy(out, "W00 S00000000000 ", kHeader);
  put_digits(out + 1, 2, writer);
  put_digits(out + 5, 11, sequence);
  std::memcpy(out + kHeader, filler_of(key), length - kHeader - 1);
  out[length - 1] = '\n';
  return length;
}

void LineChecker::feed(std::string_view bytes) {
  report_.bytes += bytes.size();
  if (!rest_.empty()) {
    const std::size_t newline = bytes.find('\n');
    rest_ += bytes.substr(0, newline);
    if (newline == std::string_view::npos) return;
    check(rest_);
    rest_.clear();
    bytes.remove_prefix(newline + 1);
  }
  for (std::size_t newline = 0; (newline = bytes.find('\n')) != std::string_view::npos;) {
    check(bytes.substr(0, newline));
    bytes.remove_prefix(newline + 1);
  }
  rest_ = bytes;
}

void LineChecker::check(std::string_view line) {
  unsigned writer = 0;
  std::uint64_t sequence = 0;
  const bool has_header = line.size() >= kHeader && line[0] == 'W' && line[3] == ' ' && line[4] == 'S' &&
                          line[16] == ' ' && get_digits(line.substr(1, 2), writer) &&
                          get_digits(line.substr(5, 11), sequence);
  const std::uint64_t key = key_of(writer, sequence);
  if (!has_header || line.size() + 1 != length_of(key) ||
      std::memcmp(line.data() + kHeader, filler_of(key), line.size() - kHeader) != 0) {
    torn(line);
    return;
  }
  ++report_.lines;
  checked_ += line.size() + 1;
  Writer& from = writers_[writer];
  if (sequence >= from.seen.size())
    from.seen.resize(std::max<std::size_t>(2 * from.seen.size(), sequence + 1));
  if (from.seen[sequence]) {
    ++report_.duplicated;
    return;
  }
  from.seen[sequence] = true;
  if (sequence < from.next) {
    ++report_.reordered;
  } else {
    from.next = sequence + 1;
  }
}

void LineChecker::torn(std::string_view piece) {
  if (report_.torn++ == 0)
    report_.first_torn = fmt::format("at byte {}, after {} lines: '{}'", checked_, report_.lines,
                                     printable(piece.substr(0, 2 * kMaxLine)));
  checked_ += piece.size() + 1;
}

LineReport LineChecker::finish(std::span<const std::uint64_t> accepted) {
  if (!rest_.empty()) torn(rest_);
  rest_.clear();
  for (unsigned writer = 0; writer < kMaxWriters; ++writer) {
    const Writer& from = writers_[writer];
    const std::uint64_t expected = writer < accepted.size() ? accepted[writer] : 0;
    const auto within = from.seen.begin() + static_cast<std::ptrdiff_t>(std::min(expected, from.seen.size()));
    report_.lost += expected - static_cast<std::uint64_t>(std::count(from.seen.begin(), within, true));
    report_.invented += static_cast<std::uint64_t>(std::count(within, from.seen.end(), true));
  }
  return report_;
}

std::string LineReport::text() const {
  return fmt::format(
      "{} lines, {} bytes: {} lost, {} duplicated, {} reordered, {} torn, {} never written{}{}", lines, bytes,
      lost, duplicated, reordered, torn, invented, first_torn.empty() ? "" : "; torn ", first_torn);
}

}  // namespace slurper::test
