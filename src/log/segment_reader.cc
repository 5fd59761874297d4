#include "log/segment_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"

namespace slurper {

namespace {

Phrase reading(const std::string& path) {
  return about_file(PhraseId::ReadSegmentFile, path);
}

}  // namespace

void SegmentReader::FreeDecompressor::operator()(ZSTD_DCtx_s* decompressor) const {
  (void)ZSTD_freeDCtx(decompressor);  // always 0
}

SegmentReader::SegmentReader(Os& os, const Segment& segment, UniqueFd fd)
    : os_(&os),
      path_(segment.path),
      segment_fd_(std::move(fd)),
      base_(segment.base),
      position_(segment.base) {}

Result<SegmentReader> SegmentReader::open(Os& os, const Segment& segment) {
  UniqueFd fd(os.open(segment.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return fail_to_open(-fd.get(), segment.path, reading(segment.path));
  struct stat st{};
  if (const int result = os.fstat(fd.get(), &st); result < 0)
    return fail_errno(-result, reading(segment.path));
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::NoInput, reading(segment.path), not_a_regular_file(segment.path, st.st_mode));

  SegmentReader reader(os, segment, std::move(fd));
  reader.size_ = static_cast<std::uint64_t>(st.st_size);
  reader.device_ = st.st_dev;
  reader.inode_ = st.st_ino;
  if (segment.compressed) {
    if (auto status = reader.read_frame_header(); !status) return std::unexpected(std::move(status.error()));
  }
  return reader;
}

Status SegmentReader::read_frame_header() {
  decompressor_.reset(ZSTD_createDCtx());
  if (decompressor_ == nullptr) return fail_errno(ENOMEM, reading(path_));
  input_.resize(ZSTD_DStreamInSize());
  if (auto status = refill(); !status) return status;
  const unsigned long long size = ZSTD_getFrameContentSize(input_.data(), input_filled_);
  if (size == ZSTD_CONTENTSIZE_ERROR) return damaged(PhraseId::NoZstdFrame);
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return damaged(PhraseId::FrameWithoutSize);
  size_ = size;
  return {};
}

std::unexpected<Error> SegmentReader::damaged(Phrase why) const {
  return fail(ErrorKind::Data, reading(path_), std::move(why));
}

Status SegmentReader::refill() {
  const ssize_t size =
      os_->pread(segment_fd_.get(), input_.data(), input_.size(), static_cast<off_t>(file_position_));
  if (size < 0) return fail_errno(static_cast<int>(-size), reading(path_));
  file_position_ += static_cast<std::uint64_t>(size);
  input_used_ = 0;
  input_filled_ = static_cast<std::size_t>(size);
  return {};
}

Result<std::size_t> SegmentReader::read(std::span<char> out) {
  auto size = decompressor_ == nullptr ? read_raw(out) : read_compressed(out);
  if (size) position_ += *size;
  return size;
}

Result<std::size_t> SegmentReader::read_raw(std::span<char> out) {
  const ssize_t size =
      os_->pread(segment_fd_.get(), out.data(), out.size(), static_cast<off_t>(position_ - base_));
  if (size < 0) return fail_errno(static_cast<int>(-size), reading(path_));
  return static_cast<std::size_t>(size);
}

Result<std::size_t> SegmentReader::read_compressed(std::span<char> out) {
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  while (output.pos == 0 && !out.empty() && !frame_done_) {
    if (input_used_ == input_filled_) {
      if (auto status = refill(); !status) return std::unexpected(std::move(status.error()));
    }
    const bool file_ended = input_filled_ == 0;
    ZSTD_inBuffer input{input_.data(), input_filled_, input_used_};
    const std::size_t result = ZSTD_decompressStream(decompressor_.get(), &output, &input);
    if (ZSTD_isError(result) != 0) return damaged({PhraseId::Text, {{"text", ZSTD_getErrorName(result)}}});
    input_used_ = input.pos;
    frame_done_ = result == 0;
    if (file_ended && !frame_done_ && output.pos == 0) return damaged(PhraseId::FrameCutShort);
  }
  if (frame_done_ && output.pos == 0) {
    if (auto status = check_end(); !status) return std::unexpected(std::move(status.error()));
  }
  return output.pos;
}

// zstd itself has compared the content with the length and the checksum of its frame.
Status SegmentReader::check_end() const {
  char more = 0;
  const ssize_t more_size = os_->pread(segment_fd_.get(), &more, 1, static_cast<off_t>(file_position_));
  if (more_size < 0) return fail_errno(static_cast<int>(-more_size), reading(path_));
  if (input_used_ != input_filled_ || more_size > 0) return damaged(PhraseId::BytesBehindFrame);
  return {};
}

Result<std::uint64_t> SegmentReader::stored() const {
  struct stat st{};
  if (const int result = os_->fstat(segment_fd_.get(), &st); result < 0)
    return fail_errno(-result, reading(path_));
  return static_cast<std::uint64_t>(st.st_size);
}

Status SegmentReader::skip_to(StreamOffset target) {
  SLURPER_ASSERT(target >= position_);
  if (decompressor_ == nullptr) {
    const auto now = stored();
    if (!now) return std::unexpected(now.error());
    if (target - base_ > *now) return damaged({PhraseId::EndsBeforeOffset, {{"offset", target.value}}});
    position_ = target;
    return {};
  }
  std::array<char, 16384> thrown_away;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before read
  while (position_ < target) {
    const auto size =
        read({thrown_away.data(), std::min<std::uint64_t>(thrown_away.size(), target - position_)});
    if (!size) return std::unexpected(size.error());
    if (*size == 0) return damaged({PhraseId::EndsBeforeOffset, {{"offset", target.value}}});
  }
  return {};
}

}  // namespace slurper
