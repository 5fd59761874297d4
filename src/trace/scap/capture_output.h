// CaptureOutput: where a capture goes.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace slurper {

// What failed, in words for the operator, and the status to exit with. The recorder, which says it, too, has
// no table of phrases.
struct CaptureError {
  int status = 1;
  std::string text;
  // Of a missing engine: the reason in a few words. Another engine may do.
  std::string why = {};
};
template <typename T>
using Captured = std::expected<T, CaptureError>;

// For one thread.
class CaptureOutput {
 public:
  enum class Compression : std::uint8_t { None, Gzip };

  // Creates the file, for its owner alone: a capture holds the data of others. An existing file must be the
  // caller's own, with no recorder that writes it, and is emptied.
  static Captured<CaptureOutput> open_file(const std::string& path, Compression compression);
  // Takes a descriptor that the caller has opened for this program.
  static Captured<CaptureOutput> use_descriptor(int fd);

  Captured<void> write(std::string_view bytes);
  // Writes what a compressed file still needs at its end. Nothing can be written after it.
  Captured<void> finish();
  // Bytes in the file.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Whether its reader has gone: that ends a recording, and is no failure.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct EndDeflation {
    void operator()(z_stream* stream) const;
  };

  CaptureOutput(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Captured<void> deflate_all(std::string_view bytes, int flush);
  Captured<void> put(std::string_view bytes);

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<z_stream, EndDeflation> deflation_;
  std::uint64_t size_ = 0;
  bool closed_ = false;
};

}  // namespace slurper
