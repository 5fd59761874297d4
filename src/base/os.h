// Os: the system calls on which slurper's promise depends, behind one interface.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/fd.h"

namespace slurper {

// Each function has its system call's name, takes its arguments, and returns what the kernel returns: a
// value, or -errno. EINTR is handled here: callers never see it. Descriptors are always opened with
// O_CLOEXEC. Tests derive from it to make a call fail, shorten or delay it, or to record what was synced.
// Stateless, so every thread may call it.
class Os {
 public:
  virtual ~Os() = default;

  virtual int open(const char* path, int flags, mode_t mode = 0);
  virtual int pipe2(int fds[2], int flags);
  virtual ssize_t read(int fd, void* data, std::size_t size);
  virtual ssize_t pread(int fd, void* data, std::size_t size, off_t offset);
  virtual ssize_t write(int fd, const void* data, std::size_t size);
  virtual ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset);
  virtual ssize_t tee(int from_fd, int to_fd, std::size_t size, unsigned flags);
  // Moves bytes from a pipe into a file, at *offset. The kernel advances *offset by what it has moved, in any
  // memory.
  virtual ssize_t splice(int pipe_fd, int file_fd, std::int64_t* offset, std::size_t size, unsigned flags);

  virtual int fstat(int fd, struct stat* st);
  virtual int lstat(const char* path, struct stat* st);
  virtual int fionread(int fd);  // the number of bytes in a pipe
  virtual int fcntl(int fd, int command, int argument);
  virtual int flock(int fd, int operation);

  virtual int fsync(int fd);
  virtual int fdatasync(int fd);
  virtual int ftruncate(int fd, off_t size);
  virtual int fallocate(int fd, int mode, off_t offset, off_t size);
  virtual int madvise(void* address, std::size_t size, int advice);
  virtual int mlock(const void* address, std::size_t size);

  virtual int mkdir(const char* path, mode_t mode);
  virtual int mkfifo(const char* path, mode_t mode);
  virtual int fchmod(int fd, mode_t mode);
  virtual int fchown(int fd, uid_t owner, gid_t group);
  virtual int futimens(int fd, const struct timespec times[2]);
  virtual int rename(const char* from, const char* to);
  virtual int rename_noreplace(const char* from, const char* to);  // renameat2(RENAME_NOREPLACE)
  virtual int unlink(const char* path);
};

// The Os that calls the kernel.
Os& kernel();

// Makes the names in `directory` durable: fsync of the folder, which is needed after a file was created,
// renamed or unlinked. Returns 0 or -errno.
int sync_directory(Os& os, const char* directory);

inline constexpr std::chrono::milliseconds kLockPatience{1000};

// flock(2), LOCK_EX. Waits if another process holds the lock: a SIGKILL may hit slurper while a sink starts
// its program, and until execve(2) has closed them, that process has all of slurper's descriptors open.
// Returns 0 or -errno; -EWOULDBLOCK if the lock is still held after `patience`.
int lock_file(Os& os, int fd, std::chrono::milliseconds patience = kLockPatience);

}  // namespace slurper
