// FdTable: the descriptors of a process, or of several that share them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/model/open_file.h"

namespace slurper {

class FdTable {
 public:
  struct Slot {
    OpenFilePointer file;
    bool close_on_exec = false;
  };

  [[nodiscard]] const OpenFilePointer& find(std::int64_t fd) const {
    static const OpenFilePointer none;
    if (fd >= 0 && static_cast<std::size_t>(fd) < low_.size()) return low_[static_cast<std::size_t>(fd)].file;
    if (fd < static_cast<std::int64_t>(kLow)) return none;
    const auto found = high_.find(fd);
    return found == high_.end() ? none : found->second.file;
  }
  void set(std::int64_t fd, OpenFilePointer file, bool close_on_exec) {
    if (fd < 0) return;
    slot(fd) = {.file = std::move(file), .close_on_exec = close_on_exec};
  }
  void set_close_on_exec(std::int64_t fd, bool close_on_exec) {
    if (find(fd) != nullptr) slot(fd).close_on_exec = close_on_exec;
  }
  void close(std::int64_t fd) {
    if (find(fd) == nullptr) return;
    if (fd >= static_cast<std::int64_t>(kLow)) {
      high_.erase(fd);
    } else {
      slot(fd) = {};
    }
  }
  void close_range(std::int64_t first, std::int64_t last) {
    for (std::size_t i = 0; i < low_.size(); ++i) {
      if (static_cast<std::int64_t>(i) >= first && static_cast<std::int64_t>(i) <= last) low_[i] = {};
    }
    std::erase_if(high_, [&](const auto& one) { return one.first >= first && one.first <= last; });
  }
  void close_on_exec() {
    for (Slot& one : low_) {
      if (one.close_on_exec) one = {};
    }
    std::erase_if(high_, [](const auto& one) { return one.second.close_on_exec; });
  }
  // Closes those that are not open by these bits, the lowest of the first byte for descriptor 0. Leaves
  // higher ones.
  void keep(std::string_view open_bits) {
    const auto is_closed = [open_bits](std::size_t fd) {
      return fd / 8 < open_bits.size() && (static_cast<unsigned char>(open_bits[fd / 8]) >> fd % 8 & 1) == 0;
    };
    for (std::size_t i = 0; i < low_.size(); ++i) {
      if (is_closed(i)) low_[i] = {};
    }
    std::erase_if(high_, [&](const auto& one) { return is_closed(static_cast<std::size_t>(one.first)); });
  }
  // Calls `visit(fd, file, close_on_exec)` for each descriptor that is open.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < low_.size(); ++i) {
      if (low_[i].file) visit(static_cast<std::int64_t>(i), *low_[i].file, low_[i].close_on_exec);
    }
    for (const auto& [fd, one] : high_) visit(fd, *one.file, one.close_on_exec);
  }
  [[nodiscard]] std::size_t size() const { return low_.size() + high_.size(); }

 private:
  // A hostile capture has descriptors of any number.
  static constexpr std::size_t kLow = 4096;

  Slot& slot(std::int64_t fd) {
    if (fd >= static_cast<std::int64_t>(kLow)) return high_[fd];
    const auto index = static_cast<std::size_t>(fd);
    if (index >= low_.size()) low_.resize(index + 1);
    return low_[index];
  }

  std::vector<Slot> low_;
  std::unordered_map<std::int64_t, Slot> high_;
};

}  // namespace slurper
