// What leaves a trace elsewhere than in read(2) and write(2) of a file that was opened by its path.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "recorder/traced_tasks.h"

namespace slurper::test {

int must(long result, const char* what) {
  if (result >= 0) return static_cast<int>(result);
  std::perror(what);
  std::_Exit(99);
}

namespace {

int create(const std::string& path) {
  return must(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open");
}

void write_all(int fd, const std::string& text) {
  if (must(::write(fd, text.data(), text.size()), "write") != static_cast<int>(text.size())) std::_Exit(99);
}

}  // namespace

int move_bytes(const char* folder) {
  constexpr std::size_t kBytes = 20'000;
  const std::string in = folder;
  const int source = create(in + "/source");
  must(::ftruncate(source, kBytes), "ftruncate");
  std::array<int, 2> pipe{};
  must(::pipe2(pipe.data(), O_CLOEXEC), "pipe2");
  std::array<int, 2> sockets{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), "socketpair");
  const int spliced = create(in + "/spliced");
  const int copied = create(in + "/copied");
  must(::copy_file_range(source, nullptr, copied, nullptr, kBytes, 0), "copy_file_range");
  must(::lseek(source, 0, SEEK_SET), "lseek");
  must(::splice(source, nullptr, pipe[1], nullptr, kBytes, 0), "splice");
  must(::splice(pipe[0], nullptr, spliced, nullptr, kBytes, 0), "splice");
  must(::lseek(source, 0, SEEK_SET), "lseek");
  must(::sendfile(sockets[0], source, nullptr, kBytes), "sendfile");
  return 0;
}

namespace {

// A path in a page of a file that has not been read, so that no program in the kernel can read it.
const char* unread_path(const std::string& path) {
  const int holder = create(path + ".path");
  write_all(holder, path + '\0');
  must(::fsync(holder), "fsync");
  must(::posix_fadvise(holder, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
  void* const page = ::mmap(nullptr, path.size() + 1, PROT_READ, MAP_PRIVATE, holder, 0);
  must(page == MAP_FAILED ? -1 : 0, "mmap");
  return static_cast<const char*>(page);
}

}  // namespace

int open_by_names(const char* folder) {
  const std::string in = folder;
  constexpr int kCreate = O_WRONLY | O_CREAT | O_CLOEXEC;
  for (const char* name : {"/before", "/directory"}) must(::mkdir((in + name).c_str(), 0700), "mkdir");
  // The working directory gets another name.
  must(::chdir((in + "/before").c_str()), "chdir");
  must(::rename("../before", "../after"), "rename");
  write_all(must(::open("moved", kCreate, 0600), "open"), "moved");
  const int directory = must(::open("../directory", O_PATH | O_DIRECTORY | O_CLOEXEC), "open");
  write_all(must(::openat(directory, "inside", kCreate, 0600), "openat"), "inside");
  write_all(must(::open(unread_path(in + "/unread"), kCreate, 0600), "open"), "unread");
  char byte = 0;
  must(::read(STDIN_FILENO, &byte, 1), "read");
  return 0;
}

namespace {

// The parts of a ring's memory that the kernel and the program share.
struct Ring {
  int fd = -1;
  io_uring_params params{};
  char* queues = nullptr;
  io_uring_sqe* entries = nullptr;
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) const {
    return *reinterpret_cast<std::uint32_t*>(queues + offset);
  }
};

void* map_ring(const Ring& ring, std::size_t size, off_t what) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, what);
  must(memory == MAP_FAILED ? -1 : 0, "mmap");
  return memory;
}

}  // namespace

int use_io_uring(const char* folder) {
  const int file = create(std::string(folder) + "/written");
  Ring ring;
  ring.fd = static_cast<int>(::syscall(SYS_io_uring_setup, 1, &ring.params));
  if (ring.fd < 0) return 77;  // this kernel, or its administrator, does not allow it
  const std::size_t size = ring.params.sq_off.array + ring.params.sq_entries * sizeof(std::uint32_t);
  ring.queues = static_cast<char*>(map_ring(ring, size, IORING_OFF_SQ_RING));
  ring.entries = static_cast<io_uring_sqe*>(map_ring(ring, sizeof(io_uring_sqe), IORING_OFF_SQES));
  static const char text[] = "unseen";
  ring.entries[0] = {};
  ring.entries[0].opcode = IORING_OP_WRITE;
  ring.entries[0].fd = file;
  ring.entries[0].addr = reinterpret_cast<std::uint64_t>(text);
  ring.entries[0].len = sizeof text - 1;
  ring.at(ring.params.sq_off.array) = 0;
  std::atomic_ref(ring.at(ring.params.sq_off.tail)).store(1, std::memory_order_release);
  must(::syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0), "io_uring_enter");
  return 0;
}

int share_memory(const char* folder) {
  constexpr std::size_t kSize = 4096;
  // Not seen: read only, and private.
  const int file = create(std::string(folder) + "/shared");
  must(::ftruncate(file, kSize), "ftruncate");
  for (int i = 0; i < 2; ++i) {
    void* const memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    must(memory == MAP_FAILED ? -1 : 0, "mmap");
    *static_cast<char*>(memory) = 'x';
  }
  return ::close(file);
}

int hold_memory(const char* folder) {
  (void)share_memory(folder);
  write_all(STDOUT_FILENO, "ready");
  char byte = 0;
  return must(::read(STDIN_FILENO, &byte, 1), "read");
}

int open_deep(const char* folder) {
  constexpr int kFolders = 20;  // their names together are longer than a path may be
  const std::string name(255, 'd');
  must(::chdir(folder), "chdir");
  for (int i = 0; i < kFolders; ++i) {
    must(::mkdir(name.c_str(), 0700), "mkdir");
    must(::chdir(name.c_str()), "chdir");
  }
  create("file");
  must(::unlink("file"), "unlink");
  for (int i = 0; i < kFolders; ++i) {
    must(::chdir(".."), "chdir");
    must(::rmdir(name.c_str()), "rmdir");
  }
  return 0;
}

int work(const char* folder) {
  const std::string in = folder;
  const int file = create(in + "/file");
  for (int i = 0; i < 100; ++i) write_all(file, std::string(static_cast<std::size_t>(i + 1), 'w'));
  must(::lseek(file, 0, SEEK_SET), "lseek");
  std::array<char, 1000> buffer{};
  while (must(::read(file, buffer.data(), buffer.size()), "read") > 0) {
  }
  for (int i = 0; i < 7; ++i) (void)!::open((in + "/missing").c_str(), O_RDONLY);
  if (::fork() == 0) {
    const int other = create(in + "/other");
    for (int i = 0; i < 30; ++i) write_all(other, "of the child\n");
    for (int i = 0; i < 3; ++i) (void)!::write(-1, "x", 1);
    std::_Exit(0);
  }
  must(::wait(nullptr), "wait");
  return 0;
}

}  // namespace slurper::test
