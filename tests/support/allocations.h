// Counts allocations. Who links slurper_test_allocations has the operators new and delete replaced, so such
// tests are small programs of their own.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace slurper::test {

// While this lives, what up to two threads (gettid(2)) allocate with operator new is counted. One at a time.
class AllocationCount {
 public:
  explicit AllocationCount(pid_t thread, pid_t another = 0);
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  ~AllocationCount();

  [[nodiscard]] std::size_t now() const;
};

}  // namespace slurper::test
