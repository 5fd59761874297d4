// Newlines: finds the ends of lines at the speed of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slurper {

// If lines are short, a memchr() for each costs more than the search: a call, and a mispredicted branch,
// because lines differ in size. So this searches a run of bytes at once, without a branch that depends on
// them. For long lines, and on machines without AVX2, it uses memchr(). For one thread.
class Newlines {
 public:
  // The newlines of `text` from `begin` on.
  Newlines(std::string_view text, std::size_t begin) : text_(text), searched_(begin) {}

  // The position of the next newline; the text's size if there is none.
  std::size_t next() {
    if (taken_ == found_ && !search()) return text_.size();
    return run_ + places_[taken_++];
  }

 private:
  static constexpr std::size_t kRun = 2048;

  bool search();
  void search_run();
  void search_line();

  std::string_view text_;
  std::size_t searched_;  // bytes
  bool lines_are_long_ = false;
  // The last run: where it begins, and the newlines found in it. find_newlines() writes up to two positions
  // too many.
  std::size_t run_ = 0;
  std::size_t found_ = 0;
  std::size_t taken_ = 0;
  std::array<std::uint16_t, kRun + 2> places_;
};

}  // namespace slurper
