#include "trace/engine/call_shape.h"

#include "trace/call_table.h"

namespace slurper {

namespace {

constexpr CallShape none() {
  return {};
}

constexpr CallShape on_fd(u8 fd, u32 flags = 0) {
  CallShape shape{};
  shape.fd = fd;
  shape.flags = flags;
  return shape;
}

constexpr CallShape buffer(u8 argument, u8 kind, u8 count, u32 flags = 0) {
  CallShape shape = on_fd(1, flags);
  shape.buffer = argument;
  shape.buffer_kind = kind;
  shape.count = count;
  return shape;
}

constexpr CallShape without_fd(CallShape shape) {
  shape.fd = 0;
  return shape;
}

constexpr CallShape path(u8 first, u8 second = 0, u32 flags = 0) {
  CallShape shape{};
  shape.path = first;
  shape.path2 = second;
  shape.flags = flags;
  return shape;
}

constexpr CallShape address(CallShape shape, u8 argument, u8 size, u32 flags = 0) {
  shape.address = argument;
  shape.address_len = size;
  shape.flags |= flags;
  return shape;
}

constexpr CallShape opens(u8 argument) {
  return path(argument, 0, ShapeFdResult | ShapeOpens | ShapeNamed);
}

constexpr CallShape kNewFd = on_fd(0, ShapeFdResult);
constexpr CallShape kLife = on_fd(0, ShapeLife);
constexpr CallShape kReads = buffer(2, BufferBytes, 3, ShapeInput);
constexpr CallShape kWrites = buffer(2, BufferBytes, 3);
constexpr CallShape kReadsVectors = buffer(2, BufferIovec, 3, ShapeInput);
constexpr CallShape kWritesVectors = buffer(2, BufferIovec, 3);

constexpr CallReading kReadings[] = {
    {"read", "fd=1 size=3", kReads},
    {"write", "fd=1 size=3", kWrites},
    {"pread64", "fd=1 size=3 pos=4", kReads},
    {"pwrite64", "fd=1 size=3 pos=4", kWrites},
    {"readv", "fd=1", kReadsVectors},
    {"writev", "fd=1", kWritesVectors},
    {"preadv", "fd=1 pos=4", kReadsVectors},
    {"pwritev", "fd=1 pos=4", kWritesVectors},
    {"preadv2", "fd=1 pos=4", kReadsVectors},
    {"pwritev2", "fd=1 pos=4", kWritesVectors},
    {"open", "flags=2 mode=3", opens(1)},
    {"creat", "mode=2", opens(1)},
    {"openat", "dirfd=1 flags=3 mode=4", opens(2)},
    {"openat2", "dirfd=1",
     [] {
       CallShape shape = opens(2);
       shape.buffer = 3;
       shape.buffer_kind = BufferFixed;
       shape.count = 24;
       return shape;
     }()},
    {"close", "fd=1", on_fd(1, ShapeCloses)},
    {"dup", "fd=1", on_fd(1)},
    {"dup2", "fd=1", on_fd(1)},
    {"dup3", "fd=1", on_fd(1)},
    {"fcntl", "fd=1 cmd=2", on_fd(1)},
    {"pipe", "", without_fd(buffer(1, BufferFixed, 8, ShapeFdPair))},
    {"pipe2", "", without_fd(buffer(1, BufferFixed, 8, ShapeFdPair))},
    {"lseek", "fd=1 offset=2 whence=3", on_fd(1)},
    {"ioctl", "fd=1 request=2 argument=3", on_fd(1)},
    {"fsync", "", on_fd(1)},
    {"fdatasync", "", on_fd(1)},
    {"ftruncate", "", on_fd(1)},
    {"fallocate", "", on_fd(1)},
    {"fstat", "fd=1", on_fd(1)},
    {"flock", "fd=1 operation=2", on_fd(1)},
    {"getdents", "fd=1", on_fd(1)},
    {"getdents64", "fd=1", on_fd(1)},
    {"splice", "fd_in=1 fd_out=3 size=5 flags=6", on_fd(1)},
    {"tee", "", on_fd(1)},
    {"vmsplice", "", on_fd(1)},
    {"sendfile", "out_fd=1 in_fd=2 size=4", on_fd(1)},
    {"copy_file_range", "fdin=1 fdout=3 len=5", on_fd(1)},
    {"poll", "timeout=3", without_fd(buffer(1, BufferPoll, 2))},
    {"ppoll", "", without_fd(buffer(1, BufferPoll, 2))},
    {"epoll_wait", "maxevents=3", on_fd(1)},
    {"epoll_pwait", "maxevents=3", on_fd(1)},
    {"epoll_pwait2", "maxevents=3", on_fd(1)},
    {"epoll_ctl", "", on_fd(3)},
    {"socket", "domain=1 type=2 proto=3", kNewFd},
    {"socketpair", "domain=1 type=2 proto=3",
     without_fd(buffer(4, BufferFixed, 8, ShapeFdPair | ShapeBound))},
    {"bind", "fd=1", address(on_fd(1), 2, 3)},
    {"listen", "fd=1 backlog=2", on_fd(1)},
    {"connect", "fd=1", address(on_fd(1, ShapeBound), 2, 3)},
    {"accept", "", on_fd(0, ShapeFdResult | ShapeBound)},
    {"accept4", "flags=4", on_fd(0, ShapeFdResult | ShapeBound)},
    {"shutdown", "fd=1 how=2", on_fd(1)},
    {"getsockname", "", on_fd(1)},
    {"getpeername", "", on_fd(1)},
    {"setsockopt", "fd=1 optlen=5", on_fd(1)},
    {"getsockopt", "fd=1", on_fd(1)},
    {"sendto", "fd=1 size=3", address(kWrites, 5, 6, ShapeBound)},
    {"recvfrom", "fd=1 size=3", address(kReads, 5, 6, ShapeAddressOut | ShapeBound)},
    {"sendmsg", "fd=1", buffer(2, BufferMsghdr, 0, ShapeBound | ShapePasses)},
    {"recvmsg", "fd=1", buffer(2, BufferMsghdr, 0, ShapeInput | ShapeBound | ShapePasses)},
    {"sendmmsg", "", on_fd(1, ShapePasses | ShapeMany)},
    {"recvmmsg", "", on_fd(1, ShapeInput | ShapePasses | ShapeMany)},
    {"eventfd", "initval=1", kNewFd},
    {"eventfd2", "initval=1", kNewFd},
    {"epoll_create", "", kNewFd},
    {"epoll_create1", "", kNewFd},
    {"timerfd_create", "", kNewFd},
    {"inotify_init", "", kNewFd},
    {"inotify_init1", "", kNewFd},
    {"signalfd", "fd=1", kNewFd},
    {"signalfd4", "fd=1", kNewFd},
    {"pidfd_getfd", "", on_fd(0, ShapeFdResult | ShapeTakes)},
    {"nanosleep", "", without_fd(buffer(1, BufferFixed, 16))},
    {"stat", "", path(1)},
    {"lstat", "", path(1)},
    {"access", "mode=2", path(1)},
    {"chdir", "", path(1, 0, ShapeLife)},
    {"fchdir", "fd=1", on_fd(1, ShapeLife)},
    {"chroot", "", path(1)},
    {"getcwd", "", path(1)},
    {"rename", "", path(1, 2)},
    {"renameat", "olddirfd=1 newdirfd=3", path(2, 4)},
    {"renameat2", "olddirfd=1 newdirfd=3 flags=5", path(2, 4)},
    {"link", "", path(1, 2)},
    {"linkat", "olddir=1 newdir=3 flags=5", path(2, 4)},
    {"symlink", "", path(1, 2)},
    {"symlinkat", "linkdirfd=2", path(1, 3)},
    {"unlink", "", path(1)},
    {"unlinkat", "dirfd=1 flags=3", path(2)},
    {"mkdir", "mode=2", path(1)},
    {"mkdirat", "dirfd=1 mode=3", path(2)},
    {"rmdir", "", path(1)},
    {"chmod", "mode=2", path(1)},
    {"fchmod", "fd=1 mode=2", on_fd(1)},
    {"fchmodat", "dirfd=1 mode=3", path(2)},
    {"umount2", "flags=2", path(1)},
    {"execve", "", path(1, 0, ShapeLife)},
    {"execveat", "dirfd=1 flags=5", path(2, 0, ShapeLife)},
    {"unshare", "flags=1", none()},
    {"setns", "fd=1 nstype=2", on_fd(1)},
    {"setuid", "uid=1", kLife},
    {"setgid", "gid=1", kLife},
    {"setresuid", "ruid=1 euid=2 suid=3", kLife},
    {"setresgid", "rgid=1 egid=2 sgid=3", kLife},
    {"setreuid", "", kLife},
    {"setregid", "", kLife},
    {"setfsuid", "", kLife},
    {"setfsgid", "", kLife},
    {"setpgid", "pid=1 pgid=2", none()},
    {"kill", "pid=1 sig=2", none()},
    {"tkill", "tid=1 sig=2", none()},
    {"tgkill", "pid=1 tid=2 sig=3", none()},
    {"futex", "addr=1 op=2 val=3", none()},
    {"mmap", "addr=1 length=2 prot=3 flags=4 fd=5 offset=6", on_fd(5)},
    {"munmap", "addr=1 length=2", none()},
    {"mprotect", "addr=1 length=2 prot=3", none()},
    {"brk", "addr=1", none()},
    {"seccomp", "op=1", none()},
    {"bpf", "cmd=1", none()},
};

}  // namespace

std::span<const CallReading> call_readings() {
  return kReadings;
}

std::array<CallShape, TraceMaxCalls> shapes_by_number() {
  std::array<CallShape, TraceMaxCalls> shapes{};
  for (const CallReading& reading : kReadings) {
    const Call* const call = find_call(reading.name);
    if (call != nullptr && call->number < shapes.size()) shapes[call->number] = reading.shape;
  }
  return shapes;
}

}  // namespace slurper
