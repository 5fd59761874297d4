#include "trace/engine/passed_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "proc/proc_files.h"
#include "trace/engine/flags.h"

namespace slurper {

namespace {

// A program that sends without end, to processes that are not watched.
constexpr std::size_t kMostKeys = 4096;

// Enter types: a path is opened, a connection accepted, a pipe made, a socket made.
constexpr std::uint16_t kOpen = 2;
constexpr std::uint16_t kSocket = 18;
constexpr std::uint16_t kPipe = 60;
constexpr std::uint16_t kAccept = 246;

void open_path(const ScapFd& fd, OpeningEvents& events) {
  const std::uint32_t flags = fd.flags | (fd.type == FdType::Directory ? kOpenDirectory : 0);
  events.enter_type = kOpen;
  events.exit.add_i64(fd.fd);
  for (ScapParams* const params : {&events.enter, &events.exit}) {
    params->add_text(fd.name);
    params->add_u32(flags);
    params->add_u32(0);  // the mode of a new file
  }
  events.exit.add_u32(fd.dev);
}

void make_pipe(const ScapFd& fd, OpeningEvents& events) {
  events.enter_type = kPipe;
  for (const std::int64_t number : {std::int64_t{0}, fd.fd, fd.fd}) events.exit.add_i64(number);
  events.exit.add_u64(fd.ino);
}

void accept(const ScapFd& fd, std::string_view tuple, OpeningEvents& events) {
  events.enter_type = kAccept;
  events.exit.add_i64(fd.fd);
  events.exit.add(tuple);
  events.exit.add_u8(0);
  events.exit.add_u32(0);
  events.exit.add_u32(0);
}

void make_socket(const ScapFd& fd, std::uint32_t family, OpeningEvents& events) {
  events.enter_type = kSocket;
  events.enter.add_u32(family);
  events.enter.add_u32(fd.protocol == kUdp ? SOCK_DGRAM : SOCK_STREAM);
  events.enter.add_u32(0);
  events.exit.add_i64(fd.fd);
}

}  // namespace

void PassedDescriptors::note(const TraceRecord& sent) {
  const SentDescriptor one{
      .passing = ++last_, .fd = static_cast<std::int64_t>(sent.args[0]), .pid = std::int64_t{sent.pid}};
  if (by_key_.size() >= kMostKeys) by_key_.clear();
  by_key_[sent.args[2]] = one;
  by_tid_[sent.tid].push_back(one);
}

std::vector<SentDescriptor> PassedDescriptors::take(std::uint32_t tid) {
  const auto found = by_tid_.find(tid);
  if (found == by_tid_.end()) return {};
  std::vector<SentDescriptor> all = std::move(found->second);
  by_tid_.erase(found);
  return all;
}

SentDescriptor PassedDescriptors::sender_of(const TraceRecord& received) const {
  const auto found = by_key_.find(received.args[2]);
  const bool came_in_message = received.args[4] == 0;
  if (came_in_message && found != by_key_.end()) return found->second;
  SentDescriptor sender;
  if (received.args[3] != 0) sender.pid = static_cast<std::int64_t>(received.args[3]);
  sender.fd = static_cast<std::int64_t>(received.args[4]) - 1;
  return sender;
}

std::string name_in_proc(std::uint32_t tid, std::int64_t fd, const TraceObject& object) {
  const std::string path = fmt::format("/proc/{}/fd/{}", tid, fd);
  std::string name = read_link(AT_FDCWD, path.c_str());
  struct stat file{};
  // Looks at the file itself, and opens nothing.
  const bool is_it = ::stat(path.c_str(), &file) == 0 && file.st_ino == object.ino &&
                     device_for_kernel(file.st_dev) == object.dev;
  return is_it ? name : std::string();
}

OpeningEvents opening_of(const ScapFd& fd, std::string_view tuple) {
  OpeningEvents events;
  switch (fd.type) {
    case FdType::File:
    case FdType::Directory:
      open_path(fd, events);
      break;
    case FdType::Fifo:
      if (fd.name.starts_with('/')) {
        open_path(fd, events);
      } else {
        make_pipe(fd, events);
      }
      break;
    case FdType::Unix:
    case FdType::IPv4:
    case FdType::IPv6:
      if (!tuple.empty()) {
        accept(fd, tuple, events);
        break;
      }
      [[fallthrough]];
    case FdType::IPv4Server:
    case FdType::IPv6Server:
      make_socket(fd,
                  fd.type == FdType::Unix                                    ? AF_UNIX
                  : fd.type == FdType::IPv4 || fd.type == FdType::IPv4Server ? AF_INET
                                                                             : AF_INET6,
                  events);
      break;
    default:
      break;
  }
  return events;
}

}  // namespace slurper
