// FaultOs: a kernel that fails at a chosen call, or is dead from there on.
#pragma once

#include <cerrno>
#include <string>

#include "base/os.h"

namespace slurper {

// Counts the calls; the one numbered `at` (from 1) fails with `errnum`. With `dead_after` so does every later
// one: what a crash leaves is what the calls before it did.
class FaultOs : public Os {
 public:
  FaultOs() = default;
  explicit FaultOs(int at, int errnum = EIO, bool dead_after = false)
      : at_(at), errnum_(errnum), dead_after_(dead_after) {}

  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] const std::string& failed_call() const {
    return failed_call_;
  }  // its name; empty: none failed

  int open(const char* path, int flags, mode_t mode) override {
    return fails("open") ? -errnum_ : Os::open(path, flags, mode);
  }
  ssize_t read(int fd, void* data, std::size_t size) override {
    return fails("read") ? -errnum_ : Os::read(fd, data, size);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return fails("pread") ? -errnum_ : Os::pread(fd, data, size, offset);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return fails("write") ? -errnum_ : Os::write(fd, data, size);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    return fails("pwrite") ? -errnum_ : Os::pwrite(fd, data, size, offset);
  }
  int fstat(int fd, struct stat* st) override { return fails("fstat") ? -errnum_ : Os::fstat(fd, st); }
  int lstat(const char* path, struct stat* st) override {
    return fails("lstat") ? -errnum_ : Os::lstat(path, st);
  }
  int fsync(int fd) override { return fails("fsync") ? -errnum_ : Os::fsync(fd); }
  int fdatasync(int fd) override { return fails("fdatasync") ? -errnum_ : Os::fdatasync(fd); }
  int fchmod(int fd, mode_t mode) override { return fails("fchmod") ? -errnum_ : Os::fchmod(fd, mode); }
  int fchown(int fd, uid_t owner, gid_t group) override {
    return fails("fchown") ? -errnum_ : Os::fchown(fd, owner, group);
  }
  int futimens(int fd, const struct timespec times[2]) override {
    return fails("futimens") ? -errnum_ : Os::futimens(fd, times);
  }
  int rename(const char* from, const char* to) override {
    return fails("rename") ? -errnum_ : Os::rename(from, to);
  }
  int rename_noreplace(const char* from, const char* to) override {
    return fails("rename_noreplace") ? -errnum_ : Os::rename_noreplace(from, to);
  }
  int unlink(const char* path) override { return fails("unlink") ? -errnum_ : Os::unlink(path); }

 private:
  bool fails(const char* call) {
    ++calls_;
    if (calls_ != at_ && !(dead_after_ && at_ > 0 && calls_ > at_)) return false;
    if (failed_call_.empty()) failed_call_ = call;
    return true;
  }

  int calls_ = 0;
  int at_ = 0;
  int errnum_ = EIO;
  bool dead_after_ = false;
  std::string failed_call_;
};

}  // namespace slurper
