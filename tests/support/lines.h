// Numbered lines of which every byte is known, and the checker that accounts for each.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slurper::test {

// One line: "W07 S00000123456 filler\n" (writer, its sequence number from 0), 60 to 300 bytes, 150 on
// average. Length and filler are a pure function of writer and sequence, so that the checker proves every
// byte without a checksum; the filler takes in every value of a byte but the newline's.
inline constexpr unsigned kMaxWriters = 100;
inline constexpr std::size_t kMaxLine = 300;

// Writes the line to `out` (room for kMaxLine), returns its length with the newline.
std::size_t make_line(char* out, unsigned writer, std::uint64_t sequence);

struct LineReport {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;  // whole and byte-exact
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;  // older than one already seen of the same writer
  std::uint64_t torn = 0;       // anything else between two newlines, or after the last
  std::uint64_t invented = 0;   // never written
  std::string first_torn;       // printable, with its offset

  [[nodiscard]] bool clean() const { return lost + duplicated + reordered + torn + invented == 0; }
  [[nodiscard]] std::string text() const;
};

// Takes a byte stream in pieces of any size. One thread at a time.
class LineChecker {
 public:
  void feed(std::string_view bytes);
  // `accepted[w]`: how many lines of writer w the pipe took.
  [[nodiscard]] LineReport finish(std::span<const std::uint64_t> accepted);

 private:
  void check(std::string_view line);
  void torn(std::string_view piece);

  struct Writer {
    std::vector<bool> seen;
    std::uint64_t next = 0;  // one past the highest seen
  };

  std::array<Writer, kMaxWriters> writers_;
  std::string rest_;  // the line begun and not ended
  std::uint64_t checked_ = 0;
  LineReport report_;
};

}  // namespace slurper::test
