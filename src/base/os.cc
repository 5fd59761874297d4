#include "base/os.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

namespace slurper {

namespace {

template <typename Call>
auto retried(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(call())>(-errno);
  }
}

}  // namespace

int Os::open(const char* path, int flags, mode_t mode) {
  return retried([&] { return ::open(path, flags | O_CLOEXEC, mode); });
}

int Os::pipe2(int fds[2], int flags) {
  return retried([&] { return ::pipe2(fds, flags | O_CLOEXEC); });
}

ssize_t Os::read(int fd, void* data, std::size_t size) {
  return retried([&] { return ::read(fd, data, size); });
}

ssize_t Os::pread(int fd, void* data, std::size_t size, off_t offset) {
  return retried([&] { return ::pread(fd, data, size, offset); });
}

ssize_t Os::write(int fd, const void* data, std::size_t size) {
  return retried([&] { return ::write(fd, data, size); });
}

ssize_t Os::pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return retried([&] { return ::pwrite(fd, data, size, offset); });
}

ssize_t Os::tee(int from_fd, int to_fd, std::size_t size, unsigned flags) {
  return retried([&] { return ::tee(from_fd, to_fd, size, flags); });
}

ssize_t Os::splice(int pipe_fd, int file_fd, std::int64_t* offset, std::size_t size, unsigned flags) {
  static_assert(sizeof(loff_t) == sizeof *offset);
  return retried([&] { return ::splice(pipe_fd, nullptr, file_fd, offset, size, flags); });
}

int Os::fstat(int fd, struct stat* st) {
  return retried([&] { return ::fstat(fd, st); });
}

int Os::lstat(const char* path, struct stat* st) {
  return retried([&] { return ::lstat(path, st); });
}

int Os::fionread(int fd) {
  int bytes = 0;
  const int result = retried([&] { return ::ioctl(fd, FIONREAD, &bytes); });
  return result < 0 ? result : bytes;
}

int Os::fcntl(int fd, int command, int argument) {
  return retried([&] { return ::fcntl(fd, command, argument); });
}

int Os::flock(int fd, int operation) {
  return retried([&] { return ::flock(fd, operation); });
}

int Os::fsync(int fd) {
  return retried([&] { return ::fsync(fd); });
}

int Os::fdatasync(int fd) {
  return retried([&] { return ::fdatasync(fd); });
}

int Os::ftruncate(int fd, off_t size) {
  return retried([&] { return ::ftruncate(fd, size); });
}

int Os::fallocate(int fd, int mode, off_t offset, off_t size) {
  return retried([&] { return ::fallocate(fd, mode, offset, size); });
}

int Os::madvise(void* address, std::size_t size, int advice) {
  return retried([&] { return ::madvise(address, size, advice); });
}

int Os::mlock(const void* address, std::size_t size) {
  return retried([&] { return ::mlock(address, size); });
}

int Os::mkdir(const char* path, mode_t mode) {
  return retried([&] { return ::mkdir(path, mode); });
}

int Os::mkfifo(const char* path, mode_t mode) {
  return retried([&] { return ::mkfifo(path, mode); });
}

int Os::fchmod(int fd, mode_t mode) {
  return retried([&] { return ::fchmod(fd, mode); });
}

int Os::fchown(int fd, uid_t owner, gid_t group) {
  return retried([&] { return ::fchown(fd, owner, group); });
}

int Os::futimens(int fd, const struct timespec times[2]) {
  return retried([&] { return ::futimens(fd, times); });
}

int Os::rename(const char* from, const char* to) {
  return retried([&] { return ::rename(from, to); });
}

int Os::rename_noreplace(const char* from, const char* to) {
  return retried([&] { return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE); });
}

int Os::unlink(const char* path) {
  return retried([&] { return ::unlink(path); });
}

Os& kernel() {
  static Os os;
  return os;
}

int sync_directory(Os& os, const char* directory) {
  const UniqueFd directory_fd(os.open(directory, O_RDONLY | O_DIRECTORY));
  if (!directory_fd) return directory_fd.get();
  return os.fsync(directory_fd.get());
}

int lock_file(Os& os, int fd, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kBetween{10};
  for (;; patience -= kBetween) {
    const int result = os.flock(fd, LOCK_EX | LOCK_NB);
    if (result != -EWOULDBLOCK || patience <= kBetween) return result;
    std::this_thread::sleep_for(kBetween);
  }
}

}  // namespace slurper
