// FlockHolder: a process that holds a flock(2).
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "base/fd.h"

namespace slurper::test {

// Its child opens `path` with `flags`, locks it, and waits; it is gone with this object, and its lock with
// it.
class FlockHolder {
 public:
  struct Who {
    std::string command = "flock";  // as ps(1) shows it
    uid_t user = 0;                 // root becomes this one
    bool leaves_it_to_a_child = false;
  };

  // An older slurper, as far as the kernel can tell.
  static Who slurper() { return {.command = "slurper"}; }
  static Who other_user() { return {.user = 65534}; }

  FlockHolder(const std::string& path, const Who& who, int flags = O_RDONLY | O_NONBLOCK) {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const UniqueFd ready_read_fd(ready[0]);
    UniqueFd ready_write_fd(ready[1]);
    std::array<int, 2> life{};
    EXPECT_EQ(::pipe2(life.data(), O_CLOEXEC), 0);
    const UniqueFd life_read_fd(life[0]);
    life_fd_.reset(life[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(life[1]);
      hold(path.c_str(), who, flags, ready_write_fd.get(), life[0]);
    }
    ready_write_fd.reset();
    char locked = 0;
    EXPECT_EQ(::read(ready_read_fd.get(), &locked, 1), 1) << "it has no lock on " << path;
    if (who.leaves_it_to_a_child) {
      EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
      pid_ = 0;
    }
  }
  FlockHolder(const FlockHolder&) = delete;
  FlockHolder& operator=(const FlockHolder&) = delete;
  ~FlockHolder() { release(); }

  [[nodiscard]] pid_t pid() const { return pid_; }

  void release() {
    life_fd_.reset();  // the end of a child's child, unless another holder was made since and has it, too
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    pid_ = 0;
  }

 private:
  // Between fork(2) and the end only system calls: other threads may have held malloc's lock.
  [[noreturn]] static void hold(const char* path, const Who& who, int flags, int ready_fd, int life_fd) {
    ::prctl(PR_SET_NAME, who.command.c_str());
    const int fd = ::open(path, flags | O_CLOEXEC);
    if (who.user != 0 && ::setresuid(who.user, who.user, who.user) != 0) ::_exit(1);
    if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) ::_exit(1);
    if (who.leaves_it_to_a_child && ::fork() > 0) ::_exit(0);
    char none = 'y';
    if (::write(ready_fd, &none, 1) != 1) ::_exit(1);
    (void)!::read(life_fd, &none, 1);  // returns when the test lets go of it, or ends
    ::_exit(0);
  }

  pid_t pid_ = 0;
  UniqueFd life_fd_;
};

}  // namespace slurper::test
