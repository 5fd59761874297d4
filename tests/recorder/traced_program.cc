// What the recorder's tests record: traced_program TASK [ARGUMENT...]. Each task makes the same calls every
// time.
#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "recorder/traced_tasks.h"

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

// When there is no input any more, begins a child in that cgroup, of version 2.
int fork_into(const char* cgroup) {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  const int group = ::open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(group >= 0, "open");
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<std::uint64_t>(group);
  const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  must(child >= 0, "clone3");
  if (child == 0) {
    must(::write(STDOUT_FILENO, "child", 5) == 5, "write");
    ::_exit(0);
  }
  must(::waitpid(static_cast<pid_t>(child), nullptr, 0) == child, "waitpid");
  must(::write(STDOUT_FILENO, "parent", 6) == 6, "write");
  return 0;
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

// A thread that is not the first opens the FIFO and writes a line into it.
int write_from_thread(const char* fifo) {
  std::thread([fifo] {
    const int fd = ::open(fifo, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && ::write(fd, "line\n", 5) == 5, "write");
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

// Its child says that it is there, and reads before it executes: till then, this waits.
int wait_in_vfork() {
  const pid_t child = ::vfork();
  if (child == 0) {
    char byte = 'c';
    (void)!::write(STDOUT_FILENO, &byte, 1);
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

// A message with a number in it, and room for descriptors.
class Message {
 public:
  explicit Message(std::size_t descriptors) {
    part_ = {.iov_base = &number_, .iov_len = sizeof number_};
    head_.msg_iov = &part_;
    head_.msg_iovlen = 1;
    head_.msg_control = control_;
    head_.msg_controllen = CMSG_LEN(descriptors * sizeof(int));
  }
  void set(int number, const std::vector<int>& descriptors) {
    number_ = number;
    cmsghdr* const rights = CMSG_FIRSTHDR(&head_);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  [[nodiscard]] std::vector<int> descriptors() {
    const cmsghdr* const rights = CMSG_FIRSTHDR(&head_);
    must(rights != nullptr && rights->cmsg_type == SCM_RIGHTS, "SCM_RIGHTS");
    std::vector<int> all((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(all.data(), CMSG_DATA(rights), all.size() * sizeof(int));
    return all;
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] msghdr& head() { return head_; }

 private:
  int number_ = 0;
  iovec part_{};
  msghdr head_{};
  alignas(cmsghdr) char control_[256] = {};
};

void send_descriptors(int socket, int number, const std::vector<int>& descriptors) {
  Message message(descriptors.size());
  message.set(number, descriptors);
  must(::sendmsg(socket, &message.head(), 0) == sizeof number, "sendmsg");
}

std::vector<int> receive(int socket, std::size_t room, int flags = 0) {
  Message message(room);
  must(::recvmsg(socket, &message.head(), flags) == sizeof(int), "recvmsg");
  return message.descriptors();
}

// Sends a file, and ends of a pipe and of a socket, and keeps the file open till the other end has gone.
void send_all(int socket, const char* path) {
  const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int pipe[2];
  int pair[2];
  must(file >= 0 && ::pipe2(pipe, O_CLOEXEC) == 0, "open");
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  const int again = ::dup(file);
  send_descriptors(socket, 0, {again, pipe[1], pair[0]});
  ::close(again);
  send_descriptors(socket, 0, {file});
  send_descriptors(socket, 0, {file, file});
  Message messages[2] = {Message(1), Message(1)};
  mmsghdr heads[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].set(file, {file});
    heads[i].msg_hdr = messages[i].head();
  }
  must(::sendmmsg(socket, heads, 2, 0) == 2, "sendmmsg");
  char byte = 0;
  must(::read(socket, &byte, 1) == 0, "read");
}

// More descriptors in one call than are followed one by one. How many of the messages find room is all the
// same.
int send_many() {
  constexpr unsigned kMessages = 1024;
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::deque<Message> messages;
  std::vector<mmsghdr> heads(kMessages);
  for (mmsghdr& head : heads) {
    messages.emplace_back(2);
    messages.back().set(0, {ends[0], ends[1]});
    head.msg_hdr = messages.back().head();
  }
  must(::sendmmsg(ends[0], heads.data(), kMessages, 0) > 0, "sendmmsg");
  return 0;
}

void write_text(int fd, std::string_view text) {
  must(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "write");
}

// Its child sends descriptors in each way in which they can be received.
int pass_descriptors(const char* path) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "socketpair");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    send_all(ends[1], path);
    std::_Exit(0);
  }
  ::close(ends[1]);
  const std::vector<int> three = receive(ends[0], 3);
  write_text(three.at(0), "first");
  write_text(three.at(1), "to the pipe");
  write_text(three.at(2), "to the socket");
  write_text(receive(ends[0], 1, MSG_PEEK).at(0), "peeked");
  write_text(receive(ends[0], 1).at(0), "taken");
  write_text(receive(ends[0], 1).at(0), "cut");
  Message messages[2] = {Message(1), Message(1)};
  mmsghdr heads[2] = {};
  for (int i = 0; i < 2; ++i) heads[i].msg_hdr = messages[i].head();
  must(::recvmmsg(ends[0], heads, 2, MSG_WAITALL, nullptr) == 2, "recvmmsg");
  write_text(messages[0].descriptors().at(0), "many 1");
  write_text(messages[1].descriptors().at(0), "many 2");
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  const auto stolen = static_cast<int>(::syscall(SYS_pidfd_getfd, process, messages[0].number(), 0));
  must(stolen >= 0, "pidfd_getfd");
  write_text(stolen, "stolen");
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return 0;
}

// After a byte, opens FILE.a and closes it `count` times, then opens FILE.b, and after another byte writes to
// that.
int reopen(const std::string& file, int count) {
  char byte = 0;
  must(::read(STDIN_FILENO, &byte, 1) == 1, "read");
  for (int i = 0; i < count; ++i)
    ::close(::open((file + ".a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const int fd = ::open((file + ".b").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  write_text(STDOUT_FILENO, "done");
  must(::read(STDIN_FILENO, &byte, 1) == 1, "read");
  write_text(fd, "known");
  return 0;
}

// Its child has the read end of a pipe, and ends.
int outlive_reader() {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[1]);
    char byte = 0;
    must(::read(ends[0], &byte, 1) == 1, "read");
    std::_Exit(0);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::close(ends[0]);
  write_text(ends[1], "x");
  ::waitpid(child, nullptr, 0);
  must(::write(ends[1], "y", 1) == -1 && errno == EPIPE, "write without a reader");
  return 0;
}

// Closes a socket in which 8 bytes wait, and ends a process with one in which 5 do.
int leave_unread() {
  int pair[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  write_text(pair[0], "eight");
  write_text(pair[0], "and3");
  char byte = 0;
  must(::read(pair[1], &byte, 1) == 1, "read");
  ::close(pair[1]);
  ::close(pair[0]);
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  write_text(pair[0], "five!");
  int closed[2];
  must(::pipe2(closed, O_CLOEXEC) == 0, "pipe2");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pair[0]);
    ::close(closed[1]);
    must(::read(closed[0], &byte, 1) == 0, "read");  // then it has the last descriptor
    std::_Exit(0);
  }
  ::close(pair[1]);
  ::close(closed[1]);
  ::waitpid(child, nullptr, 0);
  return 0;
}

// Asks a child `count` times, which waits for each question, and then sleeps `count` times.
int converse_by_pipes(int count) {
  int question[2];
  int answer[2];
  must(::pipe2(question, O_CLOEXEC) == 0 && ::pipe2(answer, O_CLOEXEC) == 0, "pipe2");
  const pid_t child = ::fork();
  char byte = 0;
  if (child == 0) {
    for (int i = 0; i < count; ++i) {
      must(::read(question[0], &byte, 1) == 1, "read");
      must(::write(answer[1], &byte, 1) == 1, "write");
    }
    std::_Exit(0);
  }
  for (int i = 0; i < count; ++i) {
    must(::write(question[1], &byte, 1) == 1, "write");
    must(::read(answer[0], &byte, 1) == 1, "read");
  }
  ::waitpid(child, nullptr, 0);
  for (int i = 0; i < count; ++i) ::usleep(100);
  return 0;
}

// Only its user for files changes; then its group, which leaves that as it is.
int change_file_user() {
  write_text(STDOUT_FILENO, "1");
  ::setfsuid(65534);
  write_text(STDOUT_FILENO, "2");
  must(::setgid(0) == 0, "setgid");
  write_text(STDOUT_FILENO, "3");
  must(::seteuid(0) == 0, "seteuid");
  write_text(STDOUT_FILENO, "4");
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
  if (task == "fork-into") return fork_into(argument);
  if (task == "echo-from-thread") return echo_from_thread();
  if (task == "write-from-thread") return write_from_thread(argument);
  if (task == "exec-from-thread") return exec_from_thread(argv[0]);
  if (task == "write-closed") return write_closed(std::atoi(argument));
  if (task == "spawn") return spawn();
  if (task == "vfork") return wait_in_vfork();
  if (task == "compat") return compat();
  if (task == "kill-parents") return kill_parents(std::atoi(argument));
  if (task == "become-nobody") return become_nobody();
  if (task == "outlive-reader") return outlive_reader();
  if (task == "leave-unread") return leave_unread();
  if (task == "converse-by-pipes") return converse_by_pipes(std::atoi(argument));
  if (task == "change-file-user") return change_file_user();
  if (task == "reopen") return reopen(argument, count);
  if (task == "pass-descriptors") return pass_descriptors(argument);
  if (task == "send-many") return send_many();
  if (task == "list-descriptors") return list_descriptors();
  if (task == "hold-descriptors") return slurper::test::hold_descriptors(argument);
  if (task == "converse-later") return slurper::test::converse_later(argument);
  if (task == "move-bytes") return slurper::test::move_bytes(argument);
  if (task == "open-by-names") return slurper::test::open_by_names(argument);
  if (task == "use-io-uring") return slurper::test::use_io_uring(argument);
  if (task == "hold-memory") return slurper::test::hold_memory(argument);
  if (task == "open-deep") return slurper::test::open_deep(argument);
  if (task == "share-memory") return slurper::test::share_memory(argument);
  if (task == "pass-on") return slurper::test::pass_on();
  if (task == "pass-packets") return slurper::test::pass_packets();
  if (task == "pass-lines") return slurper::test::pass_lines(argument, count);
  if (task == "work") return slurper::test::work(argument);
  if (task == "refuse-end-mark") return slurper::test::refuse_end_mark();
  if (task == "accept-end-mark") return slurper::test::accept_end_mark();
  if (task == "fill-slots") return slurper::test::fill_slots();
  if (task == "retry-when-full") return slurper::test::retry_when_full(false);
  if (task == "retry-when-a-child-says-so") return slurper::test::retry_when_full(true);
  if (task == "time-out") return slurper::test::time_out();
  if (task == "receive-late") return slurper::test::receive_late(argument, argc > 3 ? argv[3] : "");
  if (task == "fill-queue") return slurper::test::fill_queue(argument);
  return 98;
}
