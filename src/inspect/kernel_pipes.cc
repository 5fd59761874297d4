#include "inspect/kernel_pipes.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <string>
#include <utility>

#include "base/own_program.h"
#include "inspect/pipe_record.h"
#include "inspect/pipe_walks.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{5};
constexpr std::size_t kMostBytes = 256 << 20;

bool is_number(std::uint32_t number) {
  return number <= static_cast<std::uint32_t>(INT_MAX);
}

// Devices are 12 and 20 bits in the kernel.
dev_t device_of(std::uint32_t device) {
  constexpr unsigned kMinorBits = 20;
  return makedev(device >> kMinorBits, device & ((1U << kMinorBits) - 1));
}

KernelPipe pipe_of(const PipeRecord& record) {
  return {.device = device_of(record.device),
          .inode = record.inode,
          .slots = record.slots,
          .slots_filled = record.head,
          .slots_emptied = record.tail,
          .bytes = record.bytes == ~0ULL ? std::nullopt : std::optional(record.bytes),
          .readers = record.readers,
          .writers = record.writers,
          .unfound_readers = record.unfound_readers,
          .unfound_writers = record.unfound_writers,
          .is_wanted = record.is_wanted != 0,
          .is_named = record.is_named != 0};
}

// Above standard error: there, standard input and output of the program take their places.
UniqueFd high_copy(int fd) {
  constexpr int kLowest = 10;
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, kLowest));
}

}  // namespace

const KernelPipe* KernelLook::wanted() const {
  const auto found = std::ranges::find_if(pipes, [](const auto& pipe) { return pipe.second.is_wanted; });
  return found == pipes.end() ? nullptr : &found->second;
}

std::optional<KernelLook> parse_kernel_look(std::string_view bytes) {
  KernelLook look;
  while (const auto view = take_pipe_record(bytes)) {
    const PipeRecord& record = view->record;
    if (record.kind == PipeRecordEnd) return bytes.empty() ? std::optional(std::move(look)) : std::nullopt;
    if (!is_number(record.pid) || !is_number(record.tid) || record.pid == 0 || record.tid == 0)
      return std::nullopt;
    const auto pid = static_cast<pid_t>(record.pid);
    const auto tid = static_cast<pid_t>(record.tid);
    if (record.kind == PipeRecordOpening) {
      look.opening.push_back({.pid = pid, .tid = tid});
      continue;
    }
    if (record.kind != PipeRecordDescriptor || !is_number(record.fd) || record.file == 0 ||
        record.object == 0)
      return std::nullopt;
    look.pipes.insert_or_assign(record.object, pipe_of(record));
    look.descriptors.push_back({.pipe = record.object,
                                .open_file = record.file,
                                .pid = pid,
                                .tid = tid,
                                .fd = static_cast<int>(record.fd),
                                .flags = static_cast<int>(record.flags & INT_MAX),
                                .path = std::string(view->path)});
  }
  return std::nullopt;
}

std::optional<KernelPipes> KernelPipes::start(int target_fd) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::nullopt;
  UniqueFd own_fd(ends[0]);
  const UniqueFd given_fd(ends[1]);
  const UniqueFd program_socket_fd = high_copy(given_fd.get());
  const UniqueFd pipe_fd = target_fd < 0 ? UniqueFd() : high_copy(target_fd);
  if (!program_socket_fd || (target_fd >= 0 && !pipe_fd)) return std::nullopt;
  constexpr int kTarget = 3;
  const std::string path = find_own_program("SLURPER_PIPES_PROGRAM", SLURPER_PIPES);
  std::string target = std::to_string(kTarget);
  std::array<char*, 3> argv = {const_cast<char*>(path.c_str()), target_fd < 0 ? nullptr : target.data(),
                               nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, program_socket_fd.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, program_socket_fd.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (pipe_fd) ::posix_spawn_file_actions_adddup2(&actions, pipe_fd.get(), kTarget);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::nullopt;
  KernelPipes pipes(pid, std::move(own_fd));
  pipes.ask();  // it loads its programs meanwhile
  return pipes;
}

KernelPipes::KernelPipes(KernelPipes&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      socket_fd_(std::move(other.socket_fd_)),
      is_asked_(other.is_asked_) {}

KernelPipes::~KernelPipes() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);  // it may be loading still
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void KernelPipes::ask() {
  (void)::send(socket_fd_.get(), "?", 1, MSG_NOSIGNAL);  // a failure shows when the answer is read
  is_asked_ = true;
}

std::optional<std::string> KernelPipes::answer() {
  const auto deadline = Clock::now() + kPatience;
  std::string bytes;
  const auto is_whole = [&bytes] {
    PipeRecord end{};
    if (bytes.size() < sizeof end) return false;
    std::string_view last = std::string_view(bytes).substr(bytes.size() - sizeof end);
    const auto view = take_pipe_record(last);
    return view && view->record.kind == PipeRecordEnd && view->record.pid == 0;
  };
  std::string piece(65536, '\0');
  while (!is_whole()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    pollfd readable{.fd = socket_fd_.get(), .events = POLLIN, .revents = 0};
    if (left <= milliseconds{0} || bytes.size() > kMostBytes) return std::nullopt;
    if (::poll(&readable, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t size = ::recv(socket_fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) return std::nullopt;
    if (size > 0) bytes.append(piece, 0, static_cast<std::size_t>(size));
  }
  return bytes;
}

std::optional<KernelLook> KernelPipes::look() {
  if (!socket_fd_) return std::nullopt;
  if (!is_asked_) ask();
  is_asked_ = false;
  const std::optional<std::string> bytes = answer();
  std::optional<KernelLook> look = bytes ? parse_kernel_look(*bytes) : std::nullopt;
  if (!look) {
    socket_fd_.reset();
    return std::nullopt;
  }
  std::erase_if(look->descriptors, [this](const KernelDescriptor& one) { return one.pid == pid_; });
  return look;
}

}  // namespace slurper
