// One run of a command that answers a question about a log, slurper's or another way to the same answer.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "bench/run.h"
#include "slurper/result.h"

namespace slurper::bench {

// A log of rotated, compressed segments of 100 MiB: a week of lines that came evenly, each beginning with the
// time at which it came ("Nov 23 12:00:00", UTC). It is in a folder of its own, which is removed in the end.
class WeekOfLines {
 public:
  // Fills `size` bytes: takes minutes for 10 GiB, and as much disk as they take compressed, and a segment.
  static Result<WeekOfLines> make(const LineMaker& maker, std::uint64_t size, const Places& places);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // What a question about the ten minutes in the middle must get: so many bytes.
  [[nodiscard]] std::uint64_t answer_size() const { return answer_size_; }

  // Where they are: "2026-11-26T23:50:00Z", the last tenth of a second of them, and what their lines begin
  // with.
  [[nodiscard]] static std::string first_moment();
  [[nodiscard]] static std::string last_moment();
  [[nodiscard]] static std::string beginning_of_lines();

 private:
  std::filesystem::path path_;
  std::uint64_t answer_size_ = 0;
};

// Runs `peer`'s command once: {log} is the log, {out} is where the answer goes. Metrics: those of
// run_to_its_end().
Result<Outcome> run_asked(const Peer& peer, const WeekOfLines& log, const Places& places);

}  // namespace slurper::bench
