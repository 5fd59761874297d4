// Asking a filter allocates nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "filter/filter_site.h"
#include "support/allocations.h"

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
  const test::AllocationCount allocations(::gettid());
  int* volatile number = new int(0);  // volatile, or the pair of calls may be left out
  delete number;
  ASSERT_EQ(allocations.now(), 1U) << "they are counted";
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(filter->matches(sample_record(line)));
  EXPECT_EQ(allocations.now(), 1U);
}

}  // namespace
}  // namespace slurper
