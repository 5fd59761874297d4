// CaptureOutput: where a capture goes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "recorder/options.h"

namespace slurper {

// For one thread.
class CaptureOutput {
 public:
  // Creates the file, for its owner alone: a capture holds the data of others. An existing file must be the
  // caller's own, with no recorder that writes it, and is emptied.
  static Recorded<CaptureOutput> open_file(const std::string& path);
  // Takes a descriptor that the caller has opened for this program.
  static Recorded<CaptureOutput> use_descriptor(int fd);

  Recorded<void> write(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Whether its reader has gone: that ends a recording, and is no failure.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  static Recorded<CaptureOutput> lock(UniqueFd fd, const std::string& path);
  CaptureOutput(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  UniqueFd fd_;
  std::string name_;
  std::uint64_t size_ = 0;
  bool closed_ = false;
};

}  // namespace slurper
