// PipeFeed: lines into a pipe, and how many its reader has taken out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace slurper {

// Holds the lines of one batch while they are written, as fast as the other end takes them. Each write(2) is
// of whole lines of PIPE_BUF bytes at most, which a pipe takes at once or not at all (pipe(7)): so a reader
// that is left in the middle has no torn line, but of a line that is longer. One thread; keeps nothing over a
// crash. The descriptor is another's.
class PipeFeed {
 public:
  // Where lines go; what was on its way before is forgotten.
  void attach(int fd);

  // A batch, of which the first line is at `offset`: append a line to text(), say that it ends, and so on.
  // What has not been written of the batch before is forgotten.
  void begin_batch(std::uint64_t offset);
  [[nodiscard]] std::string& text() { return text_; }
  // `next_offset` is reached when the line that has just been appended has been taken.
  void end_line(std::uint64_t next_offset);

  [[nodiscard]] std::size_t lines() const { return ends_.size(); }
  [[nodiscard]] std::size_t lines_written() const { return lines_written_; }
  [[nodiscard]] bool all_written() const { return lines_written_ == ends_.size(); }
  // A line has been written in part: what comes next would be glued to it.
  [[nodiscard]] bool torn() const;

  // Writes up to `max_lines` lines of the batch in one system call, or a part of a long one: never more than
  // PIPE_BUF bytes, for which there is room where poll(2) says POLLOUT. How many bytes, or -errno; EINTR
  // never.
  ssize_t write_some(std::size_t max_lines);

  // The offset before which everything has been read by the other end of the pipe: what it holds, FIONREAD
  // says. Of what is no pipe (a terminal, a file, a socket), before which everything has been written.
  std::uint64_t taken();
  // Bytes that the pipe holds.
  [[nodiscard]] std::uint64_t in_pipe() const;

 private:
  struct Mark {
    std::uint64_t end;  // in bytes since attach()
    std::uint64_t next_offset;
  };

  int fd_ = -1;
  bool is_pipe_ = false;
  bool is_socket_ = false;
  std::string text_;
  std::vector<std::size_t> ends_;  // of the lines in text_
  std::size_t lines_written_ = 0;
  std::size_t bytes_written_ = 0;  // of text_
  std::uint64_t written_ = 0;      // since attach()
  std::deque<Mark> under_way_;     // lines not known to have been taken
  std::uint64_t held_ = 0;
};

}  // namespace slurper
