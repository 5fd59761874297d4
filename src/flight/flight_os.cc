#include "flight/flight_os.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slurper {

namespace {

// The caller's id as gettid(2) has it, without the call.
pid_t this_thread() noexcept {
  thread_local const pid_t id = ::gettid();
  return id;
}

}  // namespace

std::uint32_t FlightOs::name_of(int fd) noexcept {
  const auto at = static_cast<std::size_t>(fd);
  if (fd < 0 || at >= kDescriptors) return 0;
  const std::uint32_t number = names_[at].load(std::memory_order_relaxed);
  const std::uint32_t renewed = recorder_.renew(number);
  if (renewed != number) names_[at].store(renewed, std::memory_order_relaxed);
  return renewed;
}

void FlightOs::name(int fd, const char* path) noexcept {
  const auto at = static_cast<std::size_t>(fd);
  if (fd >= 0 && at < kDescriptors) names_[at].store(recorder_.number_of(path), std::memory_order_relaxed);
}

// A duration is measured if the record's is 0.
template <typename Call>
auto FlightOs::on_descriptor(CallRecord record, Call call) {
  const std::int64_t begin = record.duration == 0 ? FlightRecorder::now() : 0;
  const auto result = call();
  record.at = FlightRecorder::now();
  if (record.duration == 0) record.duration = record.at - begin;
  record.result = result;
  record.name = name_of(record.fd);
  record.thread = this_thread();
  recorder_.record(record);
  return result;
}

template <typename Call>
int FlightOs::on_path(FlightCall kind, const char* path, Call call, const char* new_path) {
  const std::int64_t begin = FlightRecorder::now();
  const int result = call();
  const std::int64_t at = FlightRecorder::now();
  recorder_.record({.call = kind,
                    .at = at,
                    .duration = at - begin,
                    .result = result,
                    .size = new_path != nullptr ? recorder_.number_of(new_path) : 0,
                    .name = recorder_.number_of(path),
                    .thread = this_thread()});
  return result;
}

int FlightOs::open(const char* path, int flags, mode_t mode) {
  const int fd = on_path(FlightCall::Open, path, [&] { return Os::open(path, flags, mode); });
  name(fd, path);
  return fd;
}

// Their numbers may have been those of files.
int FlightOs::pipe2(int fds[2], int flags) {
  const int result = Os::pipe2(fds, flags);
  for (const int end : {0, 1}) {
    if (result >= 0) name(fds[end], "");
  }
  return result;
}

ssize_t FlightOs::read(int fd, void* data, std::size_t size) {
  return on_descriptor({.call = FlightCall::Read, .size = size, .fd = fd},
                       [&] { return Os::read(fd, data, size); });
}

ssize_t FlightOs::pread(int fd, void* data, std::size_t size, off_t offset) {
  return on_descriptor({.call = FlightCall::Pread, .duration = 0, .size = size, .offset = offset, .fd = fd},
                       [&] { return Os::pread(fd, data, size, offset); });
}

ssize_t FlightOs::write(int fd, const void* data, std::size_t size) {
  return on_descriptor({.call = FlightCall::Write, .duration = 0, .size = size, .fd = fd},
                       [&] { return Os::write(fd, data, size); });
}

ssize_t FlightOs::pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return on_descriptor({.call = FlightCall::Pwrite, .duration = 0, .size = size, .offset = offset, .fd = fd},
                       [&] { return Os::pwrite(fd, data, size, offset); });
}

ssize_t FlightOs::tee(int from_fd, int to_fd, std::size_t size, unsigned flags) {
  return on_descriptor({.call = FlightCall::Tee, .size = size, .fd = from_fd},
                       [&] { return Os::tee(from_fd, to_fd, size, flags); });
}

ssize_t FlightOs::splice(int pipe_fd, int file_fd, std::int64_t* offset, std::size_t size, unsigned flags) {
  return on_descriptor({.call = FlightCall::Splice, .size = size, .offset = *offset, .fd = pipe_fd},
                       [&] { return Os::splice(pipe_fd, file_fd, offset, size, flags); });
}

int FlightOs::fstat(int fd, struct stat* st) {
  const int result = Os::fstat(fd, st);
  return result >= 0 ? result : on_descriptor({.call = FlightCall::Fstat, .fd = fd}, [&] { return result; });
}

// That a path is free is what most looks at it are about.
int FlightOs::lstat(const char* path, struct stat* st) {
  const int result = Os::lstat(path, st);
  if (result >= 0 || result == -ENOENT) return result;
  return on_path(FlightCall::Lstat, path, [&] { return result; });
}

int FlightOs::fionread(int fd) {
  const int result = Os::fionread(fd);
  if (result >= 0) return result;
  return on_descriptor({.call = FlightCall::Fionread, .fd = fd}, [&] { return result; });
}

int FlightOs::fcntl(int fd, int command, int argument) {
  return on_descriptor({.call = FlightCall::Fcntl, .size = static_cast<std::uint64_t>(command), .fd = fd},
                       [&] { return Os::fcntl(fd, command, argument); });
}

int FlightOs::flock(int fd, int operation) {
  return on_descriptor({.call = FlightCall::Flock, .duration = 0, .fd = fd},
                       [&] { return Os::flock(fd, operation); });
}

int FlightOs::fsync(int fd) {
  return on_descriptor({.call = FlightCall::Fsync, .duration = 0, .fd = fd}, [&] { return Os::fsync(fd); });
}

int FlightOs::fdatasync(int fd) {
  return on_descriptor({.call = FlightCall::Fdatasync, .duration = 0, .fd = fd},
                       [&] { return Os::fdatasync(fd); });
}

int FlightOs::ftruncate(int fd, off_t size) {
  return on_descriptor({.call = FlightCall::Ftruncate, .duration = 0, .offset = size, .fd = fd},
                       [&] { return Os::ftruncate(fd, size); });
}

int FlightOs::fallocate(int fd, int mode, off_t offset, off_t size) {
  return on_descriptor({.call = FlightCall::Fallocate,
                        .duration = 0,
                        .size = static_cast<std::uint64_t>(size),
                        .offset = offset,
                        .fd = fd},
                       [&] { return Os::fallocate(fd, mode, offset, size); });
}

int FlightOs::madvise(void* address, std::size_t size, int advice) {
  const int result = Os::madvise(address, size, advice);
  if (result >= 0) return result;
  return on_descriptor({.call = FlightCall::Madvise, .size = size}, [&] { return result; });
}

int FlightOs::mlock(const void* address, std::size_t size) {
  const int result = Os::mlock(address, size);
  if (result >= 0) return result;
  return on_descriptor({.call = FlightCall::Mlock, .size = size}, [&] { return result; });
}

int FlightOs::mkdir(const char* path, mode_t mode) {
  return on_path(FlightCall::Mkdir, path, [&] { return Os::mkdir(path, mode); });
}

int FlightOs::mkfifo(const char* path, mode_t mode) {
  return on_path(FlightCall::Mkfifo, path, [&] { return Os::mkfifo(path, mode); });
}

int FlightOs::fchmod(int fd, mode_t mode) {
  return on_descriptor({.call = FlightCall::Fchmod, .fd = fd}, [&] { return Os::fchmod(fd, mode); });
}

int FlightOs::fchown(int fd, uid_t owner, gid_t group) {
  return on_descriptor({.call = FlightCall::Fchown, .fd = fd}, [&] { return Os::fchown(fd, owner, group); });
}

int FlightOs::futimens(int fd, const struct timespec times[2]) {
  return on_descriptor({.call = FlightCall::Futimens, .fd = fd}, [&] { return Os::futimens(fd, times); });
}

// Descriptors of the file have its new name from now on.
void FlightOs::renamed(const char* from, const char* to) noexcept {
  const std::uint32_t before = recorder_.number_of(from);
  const std::uint32_t after = recorder_.number_of(to);
  for (auto& name : names_) {
    std::uint32_t expected = before;
    name.compare_exchange_strong(expected, after, std::memory_order_relaxed);
  }
}

int FlightOs::rename(const char* from, const char* to) {
  const int result = on_path(FlightCall::Rename, from, [&] { return Os::rename(from, to); }, to);
  if (result >= 0) renamed(from, to);
  return result;
}

int FlightOs::rename_noreplace(const char* from, const char* to) {
  const int result = on_path(FlightCall::Rename, from, [&] { return Os::rename_noreplace(from, to); }, to);
  if (result >= 0) renamed(from, to);
  return result;
}

int FlightOs::unlink(const char* path) {
  return on_path(FlightCall::Unlink, path, [&] { return Os::unlink(path); });
}

}  // namespace slurper
