#include "trace/scap/capture_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/os.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

// Small enough to stay in the processor's cache: reading is faster than a map of the file.
constexpr std::size_t kBuffer = std::size_t{256} << 10;
constexpr std::size_t kPacked = std::size_t{64} << 10;

}  // namespace

Result<CaptureInput> CaptureInput::open(const std::string& path) {
  const int fd =
      path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : kernel().open(path.c_str(), O_RDONLY);
  if (path == "-" && fd < 0) return fail_errno(errno, about_file(PhraseId::ReadCapture, path));
  if (fd < 0) return fail_errno(-fd, about_file(PhraseId::ReadCapture, path));
  return CaptureInput(UniqueFd(fd), path);
}

CaptureInput::CaptureInput(UniqueFd fd, std::string path)
    : fd_(std::move(fd)), path_(std::move(path)), buffer_(kBuffer) {
  struct stat st{};
  is_stream_ = kernel().fstat(fd_.get(), &st) != 0 || !S_ISREG(st.st_mode);
}

void CaptureInput::make_room(std::size_t size) {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (buffer_.size() < size) buffer_.resize(std::max(size, 2 * buffer_.size()));
}

void CaptureInput::fill(std::size_t size) {
  if (ended_) return;
  if (!looked_) look_at_begin();
  if (begin_ > 0 || buffer_.size() < size) make_room(size);
  while (end_ - begin_ < size && !ended_) {
    char* const at = buffer_.data() + end_;
    const std::size_t room = buffer_.size() - end_;
    end_ += decompressor_ ? decompress_some(at, room) : read_some(at, room);
  }
}

// Reads into `data`; zero at the end, or after an error.
std::size_t CaptureInput::read_some(char* data, std::size_t size) {
  if (before_wait_ && is_stream_) before_wait_();
  const ssize_t count = kernel().read(fd_.get(), data, size);
  if (count > 0) return static_cast<std::size_t>(count);
  ended_ = true;
  if (count < 0) status_ = fail_errno(static_cast<int>(-count), about_file(PhraseId::ReadCapture, path_));
  return 0;
}

// The magic numbers of gzip and zstd are in the first four bytes.
void CaptureInput::look_at_begin() {
  looked_ = true;
  constexpr std::size_t kMagic = 4;
  while (end_ < kMagic && !ended_) end_ += read_some(buffer_.data() + end_, buffer_.size() - end_);
  decompressor_ = Decompressor::for_bytes({buffer_.data(), end_});
  if (!decompressor_) return;
  packed_.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(end_));
  packed_rest_ = {packed_.data(), packed_.size()};
  end_ = 0;
  ended_ = false;
}

std::size_t CaptureInput::decompress_some(char* data, std::size_t size) {
  if (packed_rest_.empty()) {
    packed_.resize(kPacked);
    const std::size_t count = read_some(packed_.data(), packed_.size());
    packed_rest_ = {packed_.data(), count};
    if (count == 0) {
      damaged_ = !decompressor_->complete();
      return 0;
    }
  }
  std::size_t written = 0;
  if (decompressor_->run(packed_rest_, data, size, written)) return written;
  damaged_ = true;
  ended_ = true;
  return written;
}

}  // namespace slurper
