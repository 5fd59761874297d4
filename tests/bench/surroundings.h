// What every run needs around it: folders, a command with its places filled in, a look at the machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "bench/run.h"

namespace slurper::bench {

// A run's folders, fresh, and removed at its end.
class Folders {
 public:
  explicit Folders(const Places& places);
  Folders(const Folders&) = delete;
  Folders& operator=(const Folders&) = delete;
  ~Folders() { remove(); }

  [[nodiscard]] const std::filesystem::path& disk() const { return disk_; }
  [[nodiscard]] const std::filesystem::path& ram() const { return ram_; }

 private:
  void remove();

  std::filesystem::path disk_;
  std::filesystem::path ram_;
};

// What stands for {fifo}, {out}, {disk}, {ram}, {port}, {pid} and {log} in a command or a configuration.
struct Filling {
  std::filesystem::path fifo;
  std::filesystem::path out;
  std::filesystem::path disk;
  std::filesystem::path ram;
  std::uint16_t port = 0;
  pid_t pid = 0;
  std::filesystem::path log = {};
};
[[nodiscard]] std::string filled_in(std::string text, const Filling& filling);

// 0 if there is none.
[[nodiscard]] std::uint64_t size_of(const std::filesystem::path& file);

// Seconds for which this machine's CPUs were busy since boot; idle and waiting for a disk left out, stolen
// time included.
[[nodiscard]] double busy_seconds();

// This machine in a few words, with the file system that `disk` lies on: "AMD EPYC, 2 processors, Linux 6.18,
// ext4".
[[nodiscard]] std::string machine(const std::filesystem::path& disk);

// The last words of a reader, for a message: " ('no such file')", or nothing.
[[nodiscard]] std::string complaint(const std::filesystem::path& directory);

}  // namespace slurper::bench
