// CaptureInput: the bytes of a capture: plain, or compressed by gzip or zstd, from a file or a pipe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// Decompresses from one buffer into another; nullptr if the bytes are not compressed.
class Decompressor {
 public:
  Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  virtual ~Decompressor() = default;
  // Moves on in `in`, and returns how many bytes it has written to `out`. Empty if the data is damaged.
  virtual bool run(std::string_view& in, char* out, std::size_t room, std::size_t& written) = 0;
  // Whether the input may end here.
  [[nodiscard]] virtual bool complete() const = 0;

  [[nodiscard]] static std::unique_ptr<Decompressor> for_bytes(std::string_view begin);
};

// One thread uses it. It allocates only to make room for a block that is larger than all before it.
class CaptureInput {
 public:
  // `path` is a file, a FIFO, or "-": standard input.
  [[nodiscard]] static Result<CaptureInput> open(const std::string& path);
  CaptureInput(UniqueFd fd, std::string path);

  // The next bytes: at least `size` of them unless the input ends before. They last until the next peek().
  [[nodiscard]] std::string_view peek(std::size_t size) {
    if (end_ - begin_ < size) fill(size);
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void consume(std::size_t size) {
    begin_ += size;
    offset_ += size;
  }

  // Calls `act` before each read, which may wait for a writer.
  void before_wait(std::function<void()> act) { before_wait_ = std::move(act); }

  // Of the next byte, uncompressed.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // Why the input ended before its end: it can't be read, or can't be decompressed.
  [[nodiscard]] const Status& status() const { return status_; }
  // Whether compressed data ended in the middle, or was damaged.
  [[nodiscard]] bool damaged() const { return damaged_; }
  // Whether bytes are there that were not consumed; does not wait for more.
  [[nodiscard]] bool has_buffered() const { return begin_ < end_; }

 private:
  void fill(std::size_t size);
  void make_room(std::size_t size);
  std::size_t read_some(char* data, std::size_t size);
  std::size_t decompress_some(char* data, std::size_t size);
  void look_at_begin();

  UniqueFd fd_;
  std::string path_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool is_stream_ = false;  // a pipe, or another source that is not complete yet
  bool looked_ = false;
  bool ended_ = false;
  bool damaged_ = false;
  std::function<void()> before_wait_;
  Status status_;
  std::unique_ptr<Decompressor> decompressor_;
  std::vector<char> packed_;  // read, and not yet decompressed
  std::string_view packed_rest_;
};

}  // namespace slurper
