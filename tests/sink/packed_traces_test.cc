// Traces in a few bytes, and back.
#include "sink/packed_traces.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

TEST(PackedTraces, KeepsSizesGapsAndLineEnds) {
  const Trace traces[] = {
      {.begin = 10, .end = 41, .ends_a_line = true},  // the longest of a byte with a gap
      {.begin = 41, .end = 41, .ends_a_line = false},
      {.begin = 41, .end = 72, .ends_a_line = true},
      {.begin = 72, .end = 104, .ends_a_line = true},
      {.begin = 104, .end = 4199, .ends_a_line = true},  // the longest of two bytes
      {.begin = 4199, .end = 8295, .ends_a_line = false},
      {.begin = 8422, .end = 8423, .ends_a_line = true},  // gaps of 127 and 128 bytes
      {.begin = 8551, .end = 8552, .ends_a_line = true},
      {.begin = 1ULL << 61, .end = (1ULL << 62) - 1, .ends_a_line = true},
  };
  PackedTraces packed(3);
  for (const Trace& trace : traces) packed.append(trace);
  PackedTraces::Cursor cursor{.at = 0, .previous_end = 3};
  for (const Trace& trace : traces) {
    const Trace taken = packed.take(cursor);
    EXPECT_EQ(taken.begin, trace.begin);
    EXPECT_EQ(taken.end, trace.end);
    EXPECT_EQ(taken.ends_a_line, trace.ends_a_line);
  }
}

TEST(PackedTraces, MostTakeTwoBytes) {
  PackedTraces packed;
  for (std::uint64_t at = 0; at < 100; ++at)
    packed.append({.begin = at * 4095, .end = (at + 1) * 4095, .ends_a_line = true});
  packed.shrink_to_fit();
  EXPECT_EQ(packed.size(), 200U);
}

}  // namespace
}  // namespace slurper
