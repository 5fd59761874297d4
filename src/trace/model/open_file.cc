#include "trace/model/open_file.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

namespace slurper {

std::string_view type_name(FdType type) {
  switch (type) {
    case FdType::Directory:
      return "directory";
    case FdType::IPv4:
    case FdType::IPv4Server:
      return "ipv4";
    case FdType::IPv6:
    case FdType::IPv6Server:
      return "ipv6";
    case FdType::Fifo:
      return "pipe";
    case FdType::Unix:
      return "unix";
    case FdType::Event:
      return "event";
    case FdType::SignalFd:
      return "signalfd";
    case FdType::EventPoll:
      return "eventpoll";
    case FdType::Inotify:
      return "inotify";
    case FdType::TimerFd:
      return "timerfd";
    case FdType::Netlink:
      return "netlink";
    case FdType::File:
      return "file";
    case FdType::Unknown:
    case FdType::Unsupported:
    case FdType::Block:
      break;
  }
  return "";
}

char type_letter(FdType type) {
  switch (type) {
    case FdType::Directory:
      return 'd';
    case FdType::IPv4:
    case FdType::IPv4Server:
      return '4';
    case FdType::IPv6:
    case FdType::IPv6Server:
      return '6';
    case FdType::Fifo:
      return 'p';
    case FdType::Unix:
      return 'u';
    case FdType::Event:
      return 'e';
    case FdType::Unsupported:
      return 'X';
    case FdType::SignalFd:
      return 's';
    case FdType::EventPoll:
      return 'l';
    case FdType::Inotify:
      return 'i';
    case FdType::TimerFd:
      return 't';
    case FdType::Netlink:
      return 'n';
    case FdType::File:
      return 'f';
    case FdType::Block:
      return 'b';
    case FdType::Unknown:
      break;
  }
  return 'o';
}

void append_address(std::string& out, const IpEnd& end, bool is_v6) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, end.address.data(), text.data(), text.size());
  out += text.data();
}

std::string name_of_ends(const OpenFile& file) {
  const bool is_v6 = file.type == FdType::IPv6 || file.type == FdType::IPv6Server;
  std::string name;
  const auto append = [&](const IpEnd& end) {
    append_address(name, end, is_v6);
    name += ':' + std::to_string(end.port);
  };
  if (!is_server(file.type)) {
    append(file.client);
    name += "->";
  }
  append(file.server);
  return name;
}

}  // namespace slurper
