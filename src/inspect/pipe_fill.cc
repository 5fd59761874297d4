#include "inspect/pipe_fill.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <functional>
#include <vector>

#include "base/fd.h"

namespace slurper {

namespace {

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

bool can_write(const OpenDescriptor& holder) {
  return holder.access == Access::Write || holder.access == Access::ReadWrite;
}

// glibc 2.36 has wrappers for both calls, but not in its headers for C++.
UniqueFd open_process(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}
UniqueFd copy_descriptor(int process_fd, int fd) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, process_fd, fd, 0)));
}

// 0, or -errno. ESTALE: the descriptor is another file's by now.
int ask(const OpenDescriptor& holder, const FileId& pipe, PipeFill& fill) {
  const UniqueFd process_fd = open_process(holder.process.pid);
  if (!process_fd) return -errno;
  const UniqueFd pipe_fd = copy_descriptor(process_fd.get(), holder.fd);
  if (!pipe_fd) return -errno;
  struct stat st{};
  if (::fstat(pipe_fd.get(), &st) != 0) return -errno;
  if (FileId{.device = st.st_dev, .inode = st.st_ino} != pipe) return -ESTALE;
  int bytes = 0;
  const int capacity = ::fcntl(pipe_fd.get(), F_GETPIPE_SZ);
  if (capacity < 0 || ::ioctl(pipe_fd.get(), FIONREAD, &bytes) != 0) return -errno;
  fill.capacity = static_cast<std::uint64_t>(capacity);
  fill.bytes = static_cast<std::uint64_t>(bytes);
  pollfd writable{.fd = pipe_fd.get(), .events = POLLOUT, .revents = 0};
  if (can_write(holder) && ::poll(&writable, 1, 0) >= 0) fill.has_room = (writable.revents & POLLOUT) != 0;
  return 0;
}

}  // namespace

std::uint64_t PipeFill::slots() const {
  return capacity / page_size();
}

std::optional<std::uint64_t> PipeFill::slots_used() const {
  if (used) return used;
  if (bytes == 0) return 0;
  return is_full() ? std::optional(slots()) : std::nullopt;
}

bool PipeFill::is_full() const {
  // With less than PIPE_BUF bytes free, no slot is free either.
  return has_room ? !*has_room : bytes + PIPE_BUF > capacity;
}

unsigned PipeFill::percent() const {
  return capacity == 0 ? 0 : static_cast<unsigned>(bytes * 100 / capacity);
}

FillAnswer fill_of(const KernelPipe& pipe) {
  if (pipe.slots == 0 || !pipe.bytes) return {};
  const std::uint64_t used = std::min(pipe.slots_used(), pipe.slots);
  const std::uint64_t capacity = pipe.slots * page_size();
  // It was read while others may have changed it.
  const std::uint64_t bytes = std::min(*pipe.bytes, capacity);
  return {.fill = PipeFill{.capacity = capacity,
                           .bytes = bytes,
                           .has_room = used < pipe.slots,
                           .used = used,
                           .emptied = pipe.slots_emptied},
          .errnum = 0};
}

FillAnswer ask_fill(std::span<const OpenDescriptor> holders, const FileId& pipe) {
  // Write ends first: only they know whether there is room.
  std::vector<const OpenDescriptor*> order;
  for (const OpenDescriptor& holder : holders)
    if (holder.access != Access::None) order.push_back(&holder);
  std::ranges::stable_sort(order, std::greater(), [](const OpenDescriptor* one) { return can_write(*one); });
  FillAnswer answer;
  for (const OpenDescriptor* const holder : order) {
    PipeFill fill;
    const int error = ask(*holder, pipe, fill);
    if (error == 0) return {.fill = fill, .errnum = 0};
    // A process that has ended or closed it meanwhile hides nothing.
    if (error != -ESRCH && error != -EBADF && error != -ESTALE) answer.errnum = -error;
  }
  return answer;
}

}  // namespace slurper
