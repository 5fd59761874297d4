// What slurper-pipes answers, and what its iterators write: whatever they say, it is taken or refused whole,
// and an answer that PipeWalks makes has all records that it was given.
#include "inspect/kernel_pipes.h"
#include "inspect/pipe_walks.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/fuzz.h"

using slurper::fuzz::require;

namespace {

// Records whose values can be.
std::size_t count_good(std::string_view bytes) {
  std::size_t count = 0;
  while (slurper::take_pipe_record(bytes)) ++count;
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = slurper::fuzz::as_text(data, size);
  if (const auto look = slurper::parse_kernel_look(bytes)) {
    require(look->descriptors.size() + look->opening.size() < count_good(bytes), "it has an end");
    for (const slurper::KernelDescriptor& one : look->descriptors) {
      require(one.pid > 0 && one.tid > 0 && one.fd >= 0 && one.flags >= 0, "its numbers can be");
      require(look->pipes.contains(one.pipe), "its pipe is there");
    }
  }
  slurper::PipeWalks walks;
  walks.add(bytes);
  walks.add(bytes.substr(0, size / 2));
  require(count_good(walks.answer()) == count_good(bytes.substr(0, size / 2)) + 1, "records and an end");
  return 0;
}
