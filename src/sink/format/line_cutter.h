// LineCutter: cuts a program's output into lines.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace slurper {

// One thread uses it. It keeps at most kMaxLine bytes: a longer line comes in pieces.
class LineCutter {
 public:
  static constexpr std::size_t kMaxLine = 4096;

  // Calls `take` with each line that is now complete, without its newline.
  template <typename Take>
  void add(std::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      rest_ += bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      if (end == std::string_view::npos && rest_.size() < kMaxLine) return;
      flush(take);
    }
  }

  // Calls `take` with the line that has no newline yet.
  template <typename Take>
  void flush(Take take) {
    const std::string line = std::exchange(rest_, {});
    take(std::string_view(line));
  }

  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string rest_;
};

}  // namespace slurper
