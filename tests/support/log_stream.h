// A log as its readers see it: files on disk, put together to one stream. Written from the format's
// description, not with slurper's own code: the two must not share a mistake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slurper::test {

struct LogSegment {
  std::filesystem::path path;
  std::uint64_t base = 0;  // stream offset of its first byte
  std::uint64_t size = 0;  // uncompressed
  bool compressed = false;
  bool active = false;
  bool damaged = false;  // its size can't be told; or it vanished while it was looked at
};

// The log at `path`: path, path.<20 digits> and path.<20 digits>.zst. Stateless: looks at the files each
// time.
class LogStream {
 public:
  explicit LogStream(std::filesystem::path path) : path_(std::move(path)) {}

  // Oldest first, the active one last. A segment that is there raw and compressed counts once, raw.
  [[nodiscard]] std::vector<LogSegment> segments() const;

  // Stream offset of the end. While slurper runs it may be seen too low for an instant (a rotation), never
  // too high.
  [[nodiscard]] std::uint64_t end() const;

  // Every byte there was at the call, in order, from the oldest segment on. The text says what is wrong: a
  // gap between segments, a damaged frame. Empty: nothing.
  [[nodiscard]] std::string read(const std::function<void(std::string_view)>& consume) const;
  static std::string read_segment(const LogSegment& segment,
                                  const std::function<void(std::string_view)>& consume);

  // All of it, for logs that fit in memory. Adds a test failure if read() finds something wrong.
  [[nodiscard]] std::string bytes() const;

  // Files beside the log that have no place there once slurper has ended: "*.tmp".
  [[nodiscard]] std::vector<std::filesystem::path> leftovers() const;

  // Whether the log holds `size` bytes before the deadline.
  [[nodiscard]] bool reaches(std::uint64_t size) const;

 private:
  std::filesystem::path path_;
};

// The place where two byte streams differ, in a message's length. Empty if they are equal.
[[nodiscard]] std::string difference(std::string_view expected, std::string_view actual);

}  // namespace slurper::test
