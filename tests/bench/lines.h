// The lines that the benchmark writes, and the check of what a reader made of them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slurper::bench {

// Of CLOCK_MONOTONIC, which every process on the machine shares.
using Moment = std::chrono::microseconds;
[[nodiscard]] Moment now();

inline constexpr unsigned kMaxWriters = 100;
inline constexpr std::size_t kShortestLine = 60;  // with the newline
inline constexpr std::size_t kLongestLine = 300;

// Makes lines in the shape of a syslog's, 60 to 300 bytes, about 150 on average:
//
//   Jan  1 00:00:00 gw bench[07]: S=00000123456 T=0012345678901 words...\n
//
// 07 is the writer, S the line's number (from 0, without gaps over the lines that the pipe accepted), T the
// moment just before its write(2). Everything else follows from these three, so that every byte can be
// checked. Immutable: may be used by all threads and after fork(2).
class LineMaker {
 public:
  LineMaker();

  // Writes one line and returns its length. `line` has room for kLongestLine.
  std::size_t make(char* line, unsigned writer, std::uint64_t number, Moment written) const;

  // What `line` (with its newline) says it is, if every byte is as make() made it.
  struct Identity {
    unsigned writer;
    std::uint64_t number;
    Moment written;
  };
  [[nodiscard]] bool identify(std::string_view line, Identity* identity) const;

 private:
  std::string words_;
  std::array<std::uint16_t, 4096> lengths_;
};

// The size of a growing file at a moment.
struct Sample {
  Moment when;
  std::uint64_t size;
};

struct Verdict {
  std::uint64_t lines = 0;        // whole and exact
  std::uint64_t lost = 0;         // accepted by the pipe, but not there
  std::uint64_t duplicated = 0;   // seen again
  std::uint64_t reordered = 0;    // older than one already seen of the same writer
  std::uint64_t torn = 0;         // anything between newlines that is not a whole exact line
  std::vector<Moment> latencies;  // of each line, where samples are given

  [[nodiscard]] std::uint64_t faults() const { return lost + duplicated + reordered + torn; }
};

// Checks `text` against `accepted`, the number of lines the pipe took from each writer. With `samples` of the
// file's size, in which `text` starts at `offset`, also the time from each line's write(2) until it was
// visible.
[[nodiscard]] Verdict check_lines(const LineMaker& maker, std::string_view text,
                                  std::span<const std::uint64_t> accepted,
                                  std::span<const Sample> samples = {}, std::uint64_t offset = 0);

}  // namespace slurper::bench
