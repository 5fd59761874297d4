#include "trace/model/shape.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace slurper {

namespace {

constexpr std::size_t kTypes = 500;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool makes_fd(std::string_view name) {
  return is_one_of(
      name,
      {"open",        "openat",       "openat2",        "creat",        "socket",        "socketpair",
       "accept",      "accept4",      "pipe",           "pipe2",        "eventfd",       "eventfd2",
       "signalfd",    "signalfd4",    "timerfd_create", "inotify_init", "inotify_init1", "open_by_handle_at",
       "userfaultfd", "memfd_create", "pidfd_open",     "pidfd_getfd",  "epoll_create",  "epoll_create1"});
}

bool makes_fd_of_another(std::string_view name) {
  return is_one_of(name, {"dup", "dup2", "dup3", "fcntl"});
}

Category category_of(std::string_view name) {
  using enum Category;
  if (is_one_of(name, {"read",    "write",    "readv", "writev", "pread",  "pwrite", "preadv",
                       "pwritev", "sendfile", "dup",   "dup2",   "dup3",   "fcntl",  "ioctl",
                       "close",   "splice",   "fstat", "lseek",  "llseek", "fchdir"}))
    return Io;
  if (is_one_of(name, {"socket", "bind", "connect", "listen", "accept", "accept4", "send", "sendto", "recv",
                       "recvfrom", "shutdown", "getsockname", "getpeername", "setsockopt", "getsockopt",
                       "sendmsg", "sendmmsg", "recvmsg", "recvmmsg"}))
    return Net;
  if (is_one_of(name,
                {"pipe", "pipe2", "socketpair", "eventfd", "eventfd2", "futex", "semop", "semctl", "semget"}))
    return Ipc;
  if (is_one_of(name, {"poll", "ppoll", "select", "epoll_wait"})) return Wait;
  if (is_one_of(name, {"kill", "tkill", "tgkill", "signalfd", "signaldeliver"})) return Signal;
  if (is_one_of(name,
                {"clone", "clone3", "fork", "vfork", "execve", "execveat", "procexit", "prlimit", "getrlimit",
                 "setrlimit", "setsid", "setpgid", "unshare", "setns", "seccomp", "ptrace"}))
    return Process;
  if (name.starts_with("set") || name.starts_with("get")) return User;
  if (name == "nanosleep") return Sleep;
  if (name == "timerfd_create") return Time;
  if (name == "switch") return Scheduler;
  if (is_one_of(name, {"mmap", "mmap2", "munmap", "brk", "mprotect"})) return Memory;
  if (is_one_of(name, {"notification", "tracer", "container", "pluginevent"})) return Other;
  return File;
}

void find_enter_params(Shape& shape) {
  // As in sysdig, the descriptor is not what an mmap is about.
  if (shape.creates_fd || shape.info->name.starts_with("mmap")) return;
  const auto& params = shape.info->params;
  const auto found = std::ranges::find_if(
      params, [](const Param& param) { return param.type == ParamType::Fd && param.name != "dirfd"; });
  if (found != params.end()) shape.fd = static_cast<std::int8_t>(found - params.begin());
}

void find_exit_params(Shape& shape) {
  const EventInfo& info = *shape.info;
  const std::size_t first_appended = info.type < kFirstNewEvent ? info.classic_params : 1;
  for (std::size_t i = 0; i < info.params.size(); ++i) {
    const Param& param = info.params[i];
    const auto index = static_cast<std::int8_t>(i);
    const bool is_first = i == 0;
    if (is_first && (param.type == ParamType::Errno || param.type == ParamType::Fd || param.name == "res"))
      shape.result = index;
    if (param.name == "data" && param.type == ParamType::Bytes) shape.data = index;
    // What came after sysdig 0.29.3 has the descriptor at the end of the exit.
    if (param.type == ParamType::Fd && i >= first_appended && shape.fd < 0 && !makes_fd(info.name) &&
        param.name != "newfd")
      shape.fd = index;
  }
}

Shape make(std::uint16_t type) {
  Shape shape{.info = event_info(type)};
  if (shape.info == nullptr) return shape;
  const std::string_view name = shape.info->name;
  shape.creates_fd = makes_fd(name) || (shape.info->is_exit && makes_fd_of_another(name));
  shape.reads =
      is_one_of(name, {"read", "readv", "pread", "preadv", "recv", "recvfrom", "recvmsg", "recvmmsg"});
  shape.writes = is_one_of(name, {"write", "writev", "pwrite", "pwritev", "send", "sendto", "sendmsg",
                                  "sendmmsg", "copy_file_range"});
  shape.waits = is_one_of(name, {"poll", "ppoll", "select", "epoll_wait", "nanosleep"});
  shape.category = category_of(name);
  if (shape.info->is_exit) {
    find_exit_params(shape);
  } else {
    find_enter_params(shape);
  }
  return shape;
}

}  // namespace

const Shape& shape_of(std::uint16_t type) {
  static const auto all = [] {
    std::vector<Shape> shapes(kTypes);
    for (std::uint16_t i = 0; i < kTypes; ++i) shapes[i] = make(i);
    return shapes;
  }();
  static const Shape none;
  return type < kTypes ? all[type] : none;
}

}  // namespace slurper
