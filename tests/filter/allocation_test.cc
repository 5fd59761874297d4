// Asking a filter allocates nothing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "filter/filter_site.h"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

// Not inlined: g++ would see free() of what new has returned, and take it for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace slurper {
namespace {

TEST(Filter, AllocatesNothingForARecord) {
  const auto filter = RecordFilter::compile(
      "severity <= debug and facility in (auth, 5, 6) and program in (sshd, sudo, 'a longer name than fits') "
      "and "
      "not msg contains 'session opened' and msg icontains FAILED and msg glob 'F*root*' and raw != x and "
      "time > 2026-01-01 and not sd[a.b] = c and msg matches 'from [0-9.]+ port'",
      record_fields());
  ASSERT_TRUE(filter.has_value());
  const std::string line =
      "<38>Nov 21 22:14:15 gate sshd[4711]: Failed password for root from 10.0.0.7 port 22";
  // RE2 builds what it needs of its automaton when it first meets a text of a new kind.
  ASSERT_TRUE(filter->matches(sample_record(line)));
  const std::size_t before = allocations;
  ASSERT_GT(before, 0U);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(filter->matches(sample_record(line)));
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace slurper
