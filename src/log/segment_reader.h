// SegmentReader: the bytes of a segment, raw or compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "log/segment_name.h"
#include "slurper/result.h"

// zstd's own names for its contexts: who includes this needs no zstd.h.
struct ZSTD_DCtx_s;

namespace slurper {

// Reads one segment from its first byte to its last: raw or compressed, rotated or active (which may grow
// while it is read). It holds the file open, so a rename, a finished compression or an unlink takes nothing
// away from it. Used by one thread at a time.
class SegmentReader {
 public:
  // Only `base`, `path` and `compressed` of `segment` count. Fails with NoInput if the file is gone, and with
  // Data if it is not a whole zstd frame that says how long its content is.
  [[nodiscard]] static Result<SegmentReader> open(Os& os, const Segment& segment);

  // The raw bytes in the segment: for a raw one the file's size when it was opened, for a compressed one what
  // its frame declares.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  // Which file it is, when it was opened.
  [[nodiscard]] dev_t device() const { return device_; }
  [[nodiscard]] ino_t inode() const { return inode_; }

  // The bytes in the file now.
  [[nodiscard]] Result<std::uint64_t> stored() const;

  // Of the byte that comes next.
  [[nodiscard]] StreamOffset position() const { return position_; }

  // Fills up to `out.size()` bytes and says how many. 0 is the end: of a compressed segment the proven one
  // (size and checksum are right and nothing follows), of a raw one the end as it is now. Fails with Data
  // if a compressed segment is damaged: the bytes that were handed out before are those before the damage.
  [[nodiscard]] Result<std::size_t> read(std::span<char> out);

  // Goes on to `target`, which is not before position(). Decompresses what a compressed segment holds before
  // it, and throws it away. Fails with Data if the segment ends before `target`.
  [[nodiscard]] Status skip_to(StreamOffset target);

 private:
  struct FreeDecompressor {
    void operator()(ZSTD_DCtx_s* decompressor) const;
  };

  SegmentReader(Os& os, const Segment& segment, UniqueFd fd);

  [[nodiscard]] Result<std::size_t> read_raw(std::span<char> out);
  [[nodiscard]] Result<std::size_t> read_compressed(std::span<char> out);
  [[nodiscard]] Status read_frame_header();
  [[nodiscard]] Status refill();
  [[nodiscard]] Status check_end() const;
  [[nodiscard]] std::unexpected<Error> damaged(Phrase why) const;

  Os* os_;
  std::string path_;
  UniqueFd segment_fd_;
  StreamOffset base_;
  StreamOffset position_;
  std::uint64_t size_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;

  // Of a compressed segment.
  std::unique_ptr<ZSTD_DCtx_s, FreeDecompressor> decompressor_;
  std::vector<char> input_;
  std::size_t input_used_ = 0;
  std::size_t input_filled_ = 0;
  std::uint64_t file_position_ = 0;
  bool frame_done_ = false;
};

}  // namespace slurper
