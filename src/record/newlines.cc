#include "record/newlines.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>

#include <bit>
#endif

namespace slurper {

namespace {

constexpr std::size_t kBlock = 64;
// From kLongLine on, memchr() is faster; below kShortLine, it is slower.
constexpr std::size_t kLongLine = 512;
constexpr std::size_t kShortLine = 128;

#if defined(__x86_64__)

// Every processor with AVX2 has the others.
#define SLURPER_WITH_AVX2 __attribute__((target("avx2,bmi,popcnt")))

SLURPER_WITH_AVX2 std::uint64_t newline_bits(const char* half) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(half));
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n'))));
}

// Writes the positions of the newlines in so many blocks, and returns how many there are. It writes two
// positions for each block, whatever the block has: a branch on that would be mispredicted half of the time.
SLURPER_WITH_AVX2 std::size_t find_newlines(const char* text, std::size_t blocks, std::uint16_t* places) {
  std::size_t found = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = block * kBlock;
    std::uint64_t bits = newline_bits(text + begin) | newline_bits(text + begin + kBlock / 2) << (kBlock / 2);
    const auto count = static_cast<std::size_t>(std::popcount(bits));
    const auto place = [&](std::size_t i) {
      places[found + i] =
          static_cast<std::uint16_t>(begin + static_cast<std::size_t>(std::countr_zero(bits)));
      bits &= bits - 1;
    };
    place(0);
    place(1);
    for (std::size_t i = 2; i < count; ++i) place(i);
    found += count;
  }
  return found;
}

bool can_find_newlines() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
         __builtin_cpu_supports("popcnt") != 0;
}

#else

std::size_t find_newlines(const char*, std::size_t, std::uint16_t*) {
  return 0;
}

bool can_find_newlines() {
  return false;
}

#endif

}  // namespace

// Returns whether there are more newlines.
bool Newlines::search() {
  static const bool can_search_runs = can_find_newlines();
  taken_ = 0;
  found_ = 0;
  while (found_ == 0 && searched_ < text_.size()) {
    if (can_search_runs && !lines_are_long_ && text_.size() - searched_ >= kBlock) {
      search_run();
    } else {
      search_line();
    }
  }
  return found_ > 0;
}

void Newlines::search_run() {
  const std::size_t blocks = std::min(kRun, text_.size() - searched_) / kBlock;
  run_ = searched_;
  found_ = find_newlines(text_.data() + run_, blocks, places_.data());
  searched_ += blocks * kBlock;
  lines_are_long_ = found_ * kLongLine < searched_ - run_;
}

void Newlines::search_line() {
  const std::size_t newline = std::min(text_.find('\n', searched_), text_.size());
  lines_are_long_ = newline - searched_ >= kShortLine;
  searched_ = newline;
  if (newline == text_.size()) return;
  run_ = newline;
  places_[0] = 0;
  found_ = 1;
  ++searched_;
}

}  // namespace slurper
