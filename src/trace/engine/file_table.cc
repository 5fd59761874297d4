#include "trace/engine/file_table.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "trace/engine/flags.h"

namespace slurper {

namespace {

struct NamedType {
  std::string_view name;
  FdType type;
};
constexpr NamedType kAnonymous[] = {
    {"anon_inode:[eventfd]", FdType::Event},       {"anon_inode:[signalfd]", FdType::SignalFd},
    {"anon_inode:[eventpoll]", FdType::EventPoll}, {"anon_inode:inotify", FdType::Inotify},
    {"anon_inode:[timerfd]", FdType::TimerFd},
};

// Some of them are files of a file system of their own, and have the mode of one.
FdType type_of_file(const TraceObject& object, std::string_view name) {
  if (name.starts_with("anon_inode:")) {
    const auto found = std::ranges::find(kAnonymous, name, &NamedType::name);
    return found == std::end(kAnonymous) ? FdType::Unsupported : found->type;
  }
  if (S_ISDIR(object.mode)) return FdType::Directory;
  if (S_ISREG(object.mode) || S_ISCHR(object.mode) || S_ISBLK(object.mode)) return FdType::File;
  return FdType::Unsupported;
}

void describe_inet(const TraceObject& object, const ListeningPorts& ports, ScapFd& fd) {
  const bool is_ipv6 = object.kind == ObjectIpv6;
  fd.protocol = object.protocol == IPPROTO_UDP ? kUdp : kTcp;
  std::ranges::copy(object.inet.local_ip, fd.source_ip.begin());
  std::ranges::copy(object.inet.remote_ip, fd.destination_ip.begin());
  fd.source_port = object.inet.local_port;
  fd.destination_port = object.inet.remote_port;
  if (object.inet.remote_port == 0) {
    fd.type = is_ipv6 ? FdType::IPv6Server : FdType::IPv4Server;
    return;
  }
  fd.type = is_ipv6 ? FdType::IPv6 : FdType::IPv4;
  if (fd.protocol != kTcp || !ports.contains(object.inet.local_port)) return;
  std::swap(fd.source_ip, fd.destination_ip);
  std::swap(fd.source_port, fd.destination_port);
}

void describe_unix(const RecordView& file, UnixConnections& connections, ScapFd& fd) {
  fd.type = FdType::Unix;
  const UnixConnection* const connection =
      connections.find(file.record->object, UnixConnections::Side::Unknown, file.bound);
  if (connection == nullptr) {
    fd.server = as_hexadecimal_digits(file.record->object.ino);
    fd.name = unix_path_text(file.bound);
    return;
  }
  fd.server = as_hexadecimal_digits(connection->server);
  fd.client = as_hexadecimal_digits(connection->client);
  // As the calls that connect it show it: sysdig takes the name alone from the table.
  const std::string_view separator = connection->path.empty() ? "" : " ";
  fd.name = fmt::format("{}->{}{}{}", connection->server, connection->client, separator, connection->path);
}

}  // namespace

void note_listening(const RecordView& file, ListeningPorts& ports) {
  const TraceObject& object = file.record->object;
  if (object.kind != ObjectIpv4 && object.kind != ObjectIpv6) return;
  if (object.protocol != IPPROTO_UDP && object.inet.remote_port == 0) ports.insert(object.inet.local_port);
}

ScapFd fd_entry(const RecordView& file, UnixConnections& connections, const ListeningPorts& ports) {
  const TraceObject& object = file.record->object;
  ScapFd fd;
  fd.fd = static_cast<std::int64_t>(file.record->args[0]);
  fd.ino = object.ino;
  fd.name = file.path.substr(0, file.path.find('\0'));
  switch (object.kind) {
    case ObjectPipe:
      fd.type = FdType::Fifo;
      break;
    case ObjectUnix:
      describe_unix(file, connections, fd);
      break;
    case ObjectIpv4:
    case ObjectIpv6:
      describe_inet(object, ports, fd);
      break;
    case ObjectSocket:
      fd.type = FdType::Netlink;
      break;
    default:
      fd.type = type_of_file(object, fd.name);
      fd.flags = scap_open_flags(file.record->args[1]);
      fd.dev = device_for_programs(object.dev);
  }
  return fd;
}

}  // namespace slurper
