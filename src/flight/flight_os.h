// FlightOs: the kernel's calls, recorded.
#pragma once

#include <array>
#include <atomic>

#include "base/os.h"
#include "flight/flight_recorder.h"

namespace slurper {

// Records each call that changes something or has failed. It names the file of a descriptor that it has
// opened itself. Any thread may call it.
class FlightOs final : public Os {
 public:
  explicit FlightOs(FlightRecorder& recorder) : recorder_(recorder) {}

  int open(const char* path, int flags, mode_t mode = 0) override;
  int pipe2(int fds[2], int flags) override;
  ssize_t read(int fd, void* data, std::size_t size) override;
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override;
  ssize_t tee(int from_fd, int to_fd, std::size_t size, unsigned flags) override;
  ssize_t splice(int pipe_fd, int file_fd, std::int64_t* offset, std::size_t size, unsigned flags) override;

  int fstat(int fd, struct stat* st) override;
  int lstat(const char* path, struct stat* st) override;
  int fionread(int fd) override;
  int fcntl(int fd, int command, int argument) override;
  int flock(int fd, int operation) override;

  int fsync(int fd) override;
  int fdatasync(int fd) override;
  int ftruncate(int fd, off_t size) override;
  int fallocate(int fd, int mode, off_t offset, off_t size) override;
  int madvise(void* address, std::size_t size, int advice) override;
  int mlock(const void* address, std::size_t size) override;

  int mkdir(const char* path, mode_t mode) override;
  int mkfifo(const char* path, mode_t mode) override;
  int fchmod(int fd, mode_t mode) override;
  int fchown(int fd, uid_t owner, gid_t group) override;
  int futimens(int fd, const struct timespec times[2]) override;
  int rename(const char* from, const char* to) override;
  int rename_noreplace(const char* from, const char* to) override;
  int unlink(const char* path) override;

  // For a descriptor that another part of slurper has opened.
  void name(int fd, const char* path) noexcept;

 private:
  static constexpr std::size_t kDescriptors = 1024;

  [[nodiscard]] std::uint32_t name_of(int fd) noexcept;
  void renamed(const char* from, const char* to) noexcept;
  template <typename Call>
  auto on_descriptor(CallRecord record, Call call);
  template <typename Call>
  int on_path(FlightCall kind, const char* path, Call call, const char* new_path = nullptr);

  FlightRecorder& recorder_;
  std::array<std::atomic<std::uint32_t>, kDescriptors> names_{};  // 0: not known
};

}  // namespace slurper
