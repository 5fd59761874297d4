#include "sink/pipe_feed.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace slurper {

void PipeFeed::attach(int fd) {
  *this = PipeFeed();
  fd_ = fd;
  struct stat st{};
  if (::fstat(fd, &st) != 0) return;  // write(2) will report why
  is_pipe_ = S_ISFIFO(st.st_mode);
  is_socket_ = S_ISSOCK(st.st_mode);
}

void PipeFeed::begin_batch(std::uint64_t offset) {
  while (!under_way_.empty() && under_way_.back().end > written_) under_way_.pop_back();
  under_way_.push_back({.end = written_, .next_offset = offset});
  text_.clear();
  ends_.clear();
  lines_written_ = 0;
  bytes_written_ = 0;
}

void PipeFeed::end_line(std::uint64_t next_offset) {
  ends_.push_back(text_.size());
  under_way_.push_back({.end = written_ + text_.size() - bytes_written_, .next_offset = next_offset});
}

bool PipeFeed::torn() const {
  const std::size_t begin = lines_written_ == 0 ? 0 : ends_[lines_written_ - 1];
  return bytes_written_ > begin;
}

ssize_t PipeFeed::write_some(std::size_t max_lines) {
  const auto first = ends_.begin() + static_cast<std::ptrdiff_t>(lines_written_);
  const auto last =
      ends_.begin() + static_cast<std::ptrdiff_t>(std::min(lines_written_ + max_lines, lines()));
  if (first == last) return 0;
  const auto beyond = std::upper_bound(first, last, bytes_written_ + PIPE_BUF);
  const std::size_t end = beyond == first ? *first : *std::prev(beyond);
  const char* const data = text_.data() + bytes_written_;
  const std::size_t size = std::min<std::size_t>(end - bytes_written_, PIPE_BUF);
  ssize_t written = 0;
  do {
    // The descriptor of a socket may be shared and blocking, so each call has the flag.
    written = is_socket_ ? ::send(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) : ::write(fd_, data, size);
  } while (written < 0 && errno == EINTR);
  if (written < 0) return -errno;
  bytes_written_ += static_cast<std::size_t>(written);
  written_ += static_cast<std::uint64_t>(written);
  lines_written_ = static_cast<std::size_t>(std::upper_bound(first, last, bytes_written_) - ends_.begin());
  return written;
}

std::uint64_t PipeFeed::in_pipe() const {
  int held = 0;
  return is_pipe_ && ::ioctl(fd_, FIONREAD, &held) == 0 ? static_cast<std::uint64_t>(held) : 0;
}

std::uint64_t PipeFeed::taken() {
  // Other processes may write to the pipe, too; then fewer of our lines are known to have been taken.
  const std::uint64_t read = written_ - std::min(written_, in_pipe());
  while (!under_way_.empty() && under_way_.front().end <= read) {
    held_ = under_way_.front().next_offset;
    under_way_.pop_front();
  }
  return held_;
}

}  // namespace slurper
