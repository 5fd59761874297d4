// What the recorder's tests record: traced_program TASK [ARGUMENT...]. Each task makes the same calls every
// time.
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::_Exit(99);
}

// Writes `count` lines to the FIFO.
int write_lines(const char* fifo, int count) {
  const int fd = ::open(fifo, O_WRONLY | O_CLOEXEC);
  must(fd >= 0, "open");
  for (int i = 0; i < count; ++i) {
    const std::string line = "line " + std::to_string(i) + '\n';
    must(::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()), "write");
  }
  return ::close(fd);
}

// Fills the FIFO, then loses its reader.
int lose_reader(const char* fifo) {
  ::signal(SIGPIPE, SIG_IGN);
  const int read_fd = ::open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int write_fd = ::open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  must(read_fd >= 0 && write_fd >= 0, "open");
  const std::string page(4096, 'p');
  while (::write(write_fd, page.data(), page.size()) > 0) {
  }
  must(errno == EAGAIN, "write");
  ::close(read_fd);
  must(::write(write_fd, "x", 1) == -1 && errno == EPIPE, "write without a reader");
  return 0;
}

// Writes until nobody reads any more.
int block(const char* fifo) {
  const int fd = ::open(fifo, O_WRONLY | O_CLOEXEC);
  must(fd >= 0, "open");
  const std::string page(4096, 'p');
  while (::write(fd, page.data(), page.size()) > 0) {
  }
  return 0;
}

int connect_to(const sockaddr_un& address, int i) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  const std::string request = "request " + std::to_string(i);
  must(::write(fd, request.data(), request.size()) > 0, "write");
  char answer[8];
  must(::read(fd, answer, sizeof answer) == 2, "read");
  return ::close(fd);
}

int serve(int listening) {
  const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
  char request[64];
  must(fd >= 0 && ::read(fd, request, sizeof request) > 0, "read");
  must(::write(fd, "ok", 2) == 2, "write");
  return ::close(fd);
}

// `count` connections, one after the other, between this process and its child.
int converse(const char* path, int count) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  must(::listen(listening, 10) == 0, "listen");
  if (::fork() == 0) {
    for (int i = 0; i < count; ++i) connect_to(address, i);
    std::_Exit(0);
  }
  for (int i = 0; i < count; ++i) serve(listening);
  ::wait(nullptr);
  return 0;
}

// Waits for a byte, asks `count` times who its parent is, and says that it has.
int ask(int count) {
  char byte = 0;
  must(::read(STDIN_FILENO, &byte, 1) == 1, "read");
  for (int i = 0; i < count; ++i) ::getppid();
  must(::write(STDOUT_FILENO, "done", 4) == 4, "write");
  must(::read(STDIN_FILENO, &byte, 1) == 1, "read");
  return 0;
}

// Copies bytes, one at a time, as long as there are any.
int copy() {
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) == 1;)
    must(::write(STDOUT_FILENO, &byte, 1) == 1, "write");
  return 0;
}

int fork_twice() {
  for (int i = 1; i <= 2; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string text = "child " + std::to_string(i);
      must(::write(STDOUT_FILENO, text.data(), text.size()) > 0, "write");
      std::_Exit(i);
    }
    ::waitpid(child, nullptr, 0);
  }
  return 7;
}

// A thread that is not the first says that it is there, and then repeats each byte that it reads.
int echo_from_thread() {
  std::thread([] {
    char byte = '.';
    do {
      must(::write(STDOUT_FILENO, &byte, 1) == 1, "write");
    } while (::read(STDIN_FILENO, &byte, 1) == 1);
  }).join();
  return 0;
}

// A thread that is not the first executes write_closed(), with a descriptor that is closed thereby.
int exec_from_thread(const char* self) {
  const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  must(fd >= 0, "open");
  const std::string number = std::to_string(fd);
  std::thread([&] {
    ::execl(self, self, "write-closed", number.c_str(), nullptr);
    must(false, "execl");
  }).join();
  return 97;
}

int write_closed(int fd) {
  must(::write(fd, "x", 1) == -1 && errno == EBADF, "write to what is closed");
  must(::write(STDOUT_FILENO, "closed", 6) == 6, "write");
  return 7;
}

int spawn() {
  pid_t child = 0;
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  must(::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, nullptr) == 0, "posix_spawn");
  int status = -1;
  must(::waitpid(child, &status, 0) == child && status == 0, "waitpid");
  return 5;
}

// Its child reads before it executes: till then, this waits.
int wait_in_vfork() {
  const pid_t child = ::vfork();
  if (child == 0) {
    char byte;
    (void)!::read(STDIN_FILENO, &byte, 1);
    ::execl("/bin/true", "true", nullptr);
    ::_exit(99);
  }
  ::waitpid(child, nullptr, 0);
  return 6;
}

// getpid(2) of the 32-bit kind.
int compat() {
  long result = 20;
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  must(result == ::getpid(), "getpid");
  return 4;
}

// Waits for a byte. Then kills children that fork all the time, some in the middle of that.
int kill_parents(int count) {
  char byte = 0;
  must(::read(STDIN_FILENO, &byte, 1) == 1, "read");
  for (int i = 0; i < count; ++i) {
    const pid_t parent = ::fork();
    while (parent == 0) {
      if (::fork() == 0) std::_Exit(0);
      ::wait(nullptr);
    }
    ::usleep(static_cast<useconds_t>(1000 + 100 * (i % 30)));
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
  }
  return 0;
}

int become_nobody() {
  must(::write(STDOUT_FILENO, "before", 6) == 6, "write");
  must(::setreuid(65534, 65534) == 0, "setreuid");
  must(::write(STDOUT_FILENO, "after", 5) == 5, "write");
  return 0;
}

// Prints the numbers of its descriptors.
int list_descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  must(folder != nullptr, "opendir");
  while (const dirent* const entry = ::readdir(folder))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != ::dirfd(folder))
      std::printf("%s\n", entry->d_name);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view task = argc > 1 ? argv[1] : "";
  const char* const argument = argc > 2 ? argv[2] : "";
  const int count = argc > 3 ? std::atoi(argv[3]) : 0;
  if (task == "write-lines") return write_lines(argument, count);
  if (task == "lose-reader") return lose_reader(argument);
  if (task == "block") return block(argument);
  if (task == "converse") return converse(argument, count);
  if (task == "ask") return ask(std::atoi(argument));
  if (task == "copy") return copy();
  if (task == "fork-twice") return fork_twice();
  if (task == "echo-from-thread") return echo_from_thread();
  if (task == "exec-from-thread") return exec_from_thread(argv[0]);
  if (task == "write-closed") return write_closed(std::atoi(argument));
  if (task == "spawn") return spawn();
  if (task == "vfork") return wait_in_vfork();
  if (task == "compat") return compat();
  if (task == "kill-parents") return kill_parents(std::atoi(argument));
  if (task == "become-nobody") return become_nobody();
  if (task == "list-descriptors") return list_descriptors();
  return 98;
}
