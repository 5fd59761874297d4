// PipeFeed: writes lines into a pipe, and knows how many its reader has taken out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace slurper {

// Holds the lines of one batch while it writes them, as fast as the other end takes them. Each write(2) has
// whole lines of at most PIPE_BUF bytes, which a pipe takes entirely or not at all (pipe(7)). So if slurper
// stops in the middle of a batch, the reader has no torn line, unless that line is longer. One thread uses
// it; it keeps nothing over a crash. The descriptor belongs to the caller.
class PipeFeed {
 public:
  // Sets the descriptor to write to, and forgets the lines that were on their way before.
  void attach(int fd);

  // Begins a batch whose first line is at `offset`. For each line, append it to text() and call end_line().
  // Forgets what has not been written of the batch before.
  void begin_batch(std::uint64_t offset);
  [[nodiscard]] std::string& text() { return text_; }
  // Ends the line that was just appended; `next_offset` is the offset that is reached when the reader has
  // taken it.
  void end_line(std::uint64_t next_offset);

  [[nodiscard]] std::size_t lines() const { return ends_.size(); }
  [[nodiscard]] std::size_t lines_written() const { return lines_written_; }
  [[nodiscard]] bool all_written() const { return lines_written_ == ends_.size(); }
  // Whether a part of a line was written last: the next bytes would be appended to it.
  [[nodiscard]] bool torn() const;

  // Writes up to `max_lines` lines of the batch in one system call, or a part of a long line. It never
  // writes more than PIPE_BUF bytes, for which there is room if poll(2) reports POLLOUT. Returns the number
  // of bytes, or -errno; never EINTR.
  ssize_t write_some(std::size_t max_lines);

  // Returns the offset before which the pipe's other end has read everything; FIONREAD reports what the pipe
  // still holds. If the descriptor is not a pipe (a terminal, a file, a socket), everything that was written
  // counts.
  std::uint64_t taken();
  // Returns the number of bytes that the pipe holds.
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
  std::deque<Mark> under_way_;     // lines that the reader may not have taken
  std::uint64_t held_ = 0;
};

}  // namespace slurper
