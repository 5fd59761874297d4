// What the table at the beginning of a capture is compared for: descriptors of every kind.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "recorder/traced_tasks.h"

namespace slurper::test {
namespace {

constexpr int kRounds = 12;  // of some 45 descriptors

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// An abstract name begins with NUL.
Address unix_address(const std::string& name) {
  Address address;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  std::memcpy(&address.storage, &local, address.size);
  return address;
}

Address loopback(int family) {
  Address address;
  if (family == AF_INET6) {
    sockaddr_in6 local{};
    local.sin6_family = AF_INET6;
    local.sin6_addr = in6addr_loopback;
    address.size = sizeof local;
    std::memcpy(&address.storage, &local, sizeof local);
  } else {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof local;
    std::memcpy(&address.storage, &local, sizeof local);
  }
  return address;
}

int bound(Address& address, int type) {
  const int fd = must(::socket(address.storage.ss_family, type, 0), "socket");
  must(::bind(fd, address.get(), address.size), "bind");
  address.size = sizeof address.storage;
  must(::getsockname(fd, address.get(), &address.size), "getsockname");
  return fd;
}

int connect_to(Address& address, int type) {
  const int fd = must(::socket(address.storage.ss_family, type, 0), "socket");
  must(::connect(fd, address.get(), address.size), "connect");
  return fd;
}

// A listening socket, a connection that was accepted, and one that was not.
void converse(Address address, int type) {
  const int listening = bound(address, type);
  must(::listen(listening, 4), "listen");
  connect_to(address, type);
  must(::accept(listening, nullptr, nullptr), "accept");
  connect_to(address, type);
}

void send_to(Address address) {
  bound(address, SOCK_DGRAM);
  connect_to(address, SOCK_DGRAM);
}

void open_sockets(const std::string& folder, const std::string& round) {
  converse(unix_address(folder + "/stream" + round), SOCK_STREAM);
  converse(unix_address(folder + "/packets" + round), SOCK_SEQPACKET);
  converse(unix_address(std::string(1, '\0') + "abstract" + folder + round), SOCK_STREAM);
  send_to(unix_address(folder + "/datagrams" + round));
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    std::array<int, 2> pair{};
    must(::socketpair(AF_UNIX, type, 0, pair.data()), "socketpair");
  }
  must(::socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  for (const int family : {AF_INET, AF_INET6}) {
    converse(loopback(family), SOCK_STREAM);
    send_to(loopback(family));
    must(::socket(family, SOCK_STREAM, 0), "socket");
    must(::socket(family, SOCK_DGRAM, 0), "socket");
  }
  must(::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
}

void open_files(const std::string& folder, const std::string& round) {
  const std::string file = folder + "/file" + round;
  const std::string deleted = folder + "/deleted" + round;
  const std::string fifo = folder + "/fifo" + round;
  must(::open(file.c_str(), O_WRONLY | O_CREAT, 0600), "open");
  must(::open(deleted.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");
  must(::unlink(deleted.c_str()), "unlink");
  must(::open(folder.c_str(), O_RDONLY | O_DIRECTORY), "open");
  must(::open(folder.c_str(), O_PATH), "open");
  must(::mkfifo(fifo.c_str(), 0600), "mkfifo");
  must(::dup(must(::open(fifo.c_str(), O_RDWR), "open")), "dup");
  std::array<int, 2> ends{};
  must(::pipe(ends.data()), "pipe");
  must(::open("/dev/null", O_WRONLY), "open");
  must(::open("/proc/self/status", O_RDONLY), "open");
  const int terminal = must(::posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");
  must(::grantpt(terminal), "grantpt");
  must(::unlockpt(terminal), "unlockpt");
  must(::open(::ptsname(terminal), O_RDWR | O_NOCTTY), "open");
}

void open_others(const std::string& round) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGUSR1);
  must(::eventfd(1, 0), "eventfd");
  must(::epoll_create1(0), "epoll_create1");
  must(::timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
  must(::signalfd(-1, &signals, 0), "signalfd");
  must(::inotify_init(), "inotify_init");
  must(::memfd_create(("memory" + round).c_str(), 0), "memfd_create");
  must(::syscall(SYS_pidfd_open, ::getpid(), 0), "pidfd_open");
}

void ask_about_all(int last) {
  for (int fd = 0; fd <= last; ++fd) must(::fcntl(fd, F_GETFD), "fcntl");
}

}  // namespace

int hold_descriptors(const char* folder) {
  for (int i = 0; i < kRounds; ++i) {
    const std::string round = std::to_string(i);
    open_files(folder, round);
    open_sockets(folder, round);
    open_others(round);
  }
  const int last = must(::dup(STDIN_FILENO), "dup");
  must(::write(STDOUT_FILENO, "ready", 5), "write");
  char byte = 0;
  must(::read(STDIN_FILENO, &byte, 1), "read");
  ask_about_all(last);
  must(::read(STDIN_FILENO, &byte, 1), "read");
  return 0;
}

int converse_later(const char* folder) {
  const std::string named = std::string(folder) + "/named";
  const std::string abstract = std::string(1, '\0') + folder + std::string(1, '\0') + "tail";
  std::array<int, 2> listening{};
  std::array<Address, 2> addresses = {unix_address(named), unix_address(abstract)};
  for (std::size_t i = 0; i < 2; ++i) {
    listening[i] = bound(addresses[i], SOCK_STREAM);
    must(::listen(listening[i], 1), "listen");
  }
  char byte = 0;
  if (::fork() == 0) {
    std::array<int, 2> ends{};
    for (std::size_t i = 0; i < 2; ++i) ends[i] = connect_to(addresses[i], SOCK_STREAM);
    must(::read(STDIN_FILENO, &byte, 1), "read");
    for (const int end : ends) must(::write(end, "ten bytes.", 10), "write");
    std::_Exit(0);
  }
  std::array<int, 2> ends{};
  for (std::size_t i = 0; i < 2; ++i) ends[i] = must(::accept(listening[i], nullptr, nullptr), "accept");
  must(::write(STDOUT_FILENO, "ready", 5), "write");
  std::array<char, 10> text{};
  for (const int end : ends) must(::read(end, text.data(), text.size()), "read");
  must(::wait(nullptr), "wait");
  return 0;
}

}  // namespace slurper::test
