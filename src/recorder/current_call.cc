#include "recorder/current_call.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proc/proc_files.h"
#include "recorder/traced_memory.h"
#include "trace/engine/call_shape.h"

namespace slurper {

namespace {

// The number of the call and its six arguments; others if it is in none.
std::vector<std::uint64_t> numbers_of(std::string_view text) {
  constexpr std::size_t kNumbers = 7;
  std::vector<std::uint64_t> numbers;
  while (!text.empty() && numbers.size() < kNumbers) {
    const bool is_hexadecimal = text.starts_with("0x");
    if (is_hexadecimal) text.remove_prefix(2);
    const auto number = parse_number<std::uint64_t>(text, is_hexadecimal ? 16 : 10);
    if (!number) return {};
    numbers.push_back(*number);
    text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
  }
  if (numbers.size() < kNumbers) return {};
  return numbers;
}

}  // namespace

RecordView CurrentCall::view() const {
  RecordView view;
  view.record = &record;
  view.path = path;
  return view;
}

std::optional<CurrentCall> current_call(pid_t pid, pid_t tid) {
  const auto numbers =
      numbers_of(read_small(AT_FDCWD, fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str()));
  if (numbers.empty()) return std::nullopt;
  CurrentCall call;
  call.record.kind = RecordEnter;
  call.record.tid = static_cast<u32>(tid);
  call.record.pid = static_cast<u32>(pid);
  call.record.nr = static_cast<u16>(numbers[0]);
  std::copy(numbers.begin() + 1, numbers.end(), call.record.args);
  static const auto shapes = shapes_by_number();
  const bool opens = call.record.nr < shapes.size() && (shapes[call.record.nr].flags & ShapeOpens) != 0;
  if (opens) call.path = TracedMemory(tid).text(call.record.args[shapes[call.record.nr].path - 1]);
  return call;
}

}  // namespace slurper
