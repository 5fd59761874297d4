// Newlines: where a text's lines end, found at the speed of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slurper {

// memchr() for each line costs more than the search where lines are short: a call, and a branch that is
// mispredicted for each, since lines differ in size. So a run of bytes is searched at once, without a branch
// that depends on them. Where lines are long, and on machines without AVX2, it is memchr() all the same. For
// one thread.
class Newlines {
 public:
  // Those of `text` from `begin` on.
  Newlines(std::string_view text, std::size_t begin) : text_(text), searched_(begin) {}

  // The place of the next one; the text's size where there is none.
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
  // Of the last run: where it begins, and its newlines from there. Two more are written than there are.
  std::size_t run_ = 0;
  std::size_t found_ = 0;
  std::size_t taken_ = 0;
  std::array<std::uint16_t, kRun + 2> places_;
};

}  // namespace slurper
