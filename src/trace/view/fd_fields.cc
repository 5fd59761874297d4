#include <sys/sysmacros.h>

#include <array>

#include "trace/view/fields.h"

namespace slurper {

namespace {

const OpenFile* file_of(const ShownEvent& event) {
  return event.trace.file.get();
}

TextValue name_in(const ShownEvent& event, std::string_view name) {
  event.scratch.clear();
  append_name(event.scratch, name);
  return event.scratch;
}

NumberValue number(const ShownEvent& event) {
  return event.trace.fd == kNoFd ? std::nullopt : NumberValue(event.trace.fd);
}
TextValue type(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || type_name(file->type).empty()) return std::nullopt;
  return type_name(file->type);
}
TextValue letter(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr) return std::nullopt;
  event.scratch.assign(1, type_letter(file->type));
  return event.scratch;
}
TextValue name(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file != nullptr) return name_in(event, file->name);
  // At the end of a call, sysdig knows an empty name of an unknown descriptor.
  return event.trace.is_exit() && event.trace.fd >= 0 ? TextValue("") : std::nullopt;
}
TextValue file_name(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || file->type != FdType::File) return std::nullopt;
  return name_in(event, std::string_view(file->name).substr(file->name.rfind('/') + 1));
}
TextValue directory(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || (file->type != FdType::File && file->type != FdType::Directory)) return std::nullopt;
  if (file->type == FdType::Directory) return name_in(event, file->name);
  const std::size_t slash = file->name.rfind('/');
  if (slash == std::string::npos || slash == 0) return "/";
  return name_in(event, std::string_view(file->name).substr(0, slash));
}
NumberValue inode(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || file->inode == 0) return std::nullopt;
  return static_cast<std::int64_t>(file->inode);
}
TextValue device(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || file->device == 0) return std::nullopt;
  event.scratch.clear();
  append_hexadecimal(event.scratch, file->device);
  return event.scratch;
}
TextValue family(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr) return std::nullopt;
  if (is_ip(file->type)) return "ip";
  return file->type == FdType::Unix ? TextValue("unix") : std::nullopt;
}
TextValue protocol(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || !is_ip(file->type) || !file->has_ends) return std::nullopt;
  if (file->protocol == kTcp) return "tcp";
  return file->protocol == kUdp ? TextValue("udp") : std::nullopt;
}
NumberValue serves(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || file->type == FdType::Unknown) return std::nullopt;
  return is_server(file->type) ? 1 : 0;
}

const OpenFile* with_ends(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  return file != nullptr && is_ip(file->type) && file->has_ends ? file : nullptr;
}
const OpenFile* with_server(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  return file != nullptr && is_ip(file->type) && file->has_server ? file : nullptr;
}
bool is_v6(const OpenFile& file) {
  return file.type == FdType::IPv6 || file.type == FdType::IPv6Server;
}

TextValue address(const ShownEvent& event, const OpenFile& file, const IpEnd& end) {
  event.scratch.clear();
  append_address(event.scratch, end, is_v6(file));
  return event.scratch;
}
TextValue client_ip(const ShownEvent& event) {
  const OpenFile* const file = with_ends(event);
  if (file == nullptr || is_server(file->type)) return std::nullopt;
  return address(event, *file, file->client);
}
TextValue server_ip(const ShownEvent& event) {
  const OpenFile* const file = with_server(event);
  return file == nullptr ? std::nullopt : address(event, *file, file->server);
}
NumberValue client_port(const ShownEvent& event) {
  const OpenFile* const file = with_ends(event);
  return file == nullptr || is_server(file->type) ? std::nullopt : NumberValue(file->client.port);
}
NumberValue server_port(const ShownEvent& event) {
  const OpenFile* const file = with_server(event);
  return file == nullptr ? std::nullopt : NumberValue(file->server.port);
}
void ip(const ShownEvent& event, std::string_view /*argument*/, TextVisitor visit) {
  if (const TextValue client = client_ip(event); client && !visit(*client)) return;
  if (const TextValue server = server_ip(event); server) (void)visit(*server);
}
void port(const ShownEvent& event, std::string_view /*argument*/, NumberVisitor visit) {
  if (const NumberValue client = client_port(event); client && !visit(*client)) return;
  if (const NumberValue server = server_port(event); server) (void)visit(*server);
}

NumberValue open_uid(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || !file->was_opened_here) return std::nullopt;
  return file->opener_uid;
}
NumberValue open_time(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || !file->was_opened_here) return std::nullopt;
  return static_cast<std::int64_t>(file->opened_at);
}
NumberValue open_pid(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || !file->was_opened_here) return std::nullopt;
  return file->opener_pid;
}

const PipeState* pipe_of(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  return file != nullptr && file->pipe.is_known ? &file->pipe : nullptr;
}
NumberValue pipe_slots(const ShownEvent& event) {
  const PipeState* const pipe = pipe_of(event);
  return pipe == nullptr ? std::nullopt : NumberValue(pipe->slots);
}
NumberValue pipe_fill(const ShownEvent& event) {
  const PipeState* const pipe = pipe_of(event);
  if (pipe == nullptr || pipe->slots_at_most == 0) return std::nullopt;
  return std::int64_t{100} * pipe->slots / pipe->slots_at_most;
}
NumberValue pipe_readers(const ShownEvent& event) {
  const PipeState* const pipe = pipe_of(event);
  return pipe == nullptr ? std::nullopt : NumberValue(pipe->readers);
}
NumberValue pipe_writers(const ShownEvent& event) {
  const PipeState* const pipe = pipe_of(event);
  return pipe == nullptr ? std::nullopt : NumberValue(pipe->writers);
}

NumberValue pipe_offset(const ShownEvent& event) {
  if (!event.trace.pipe_offset) return std::nullopt;
  return static_cast<std::int64_t>(*event.trace.pipe_offset);
}

// The process that holds the other end of an AF_UNIX connection, if the capture has seen it.
NumberValue peer_pid(const ShownEvent& event) {
  const OpenFile* const file = file_of(event);
  if (file == nullptr || file->type != FdType::Unix || file->unix_source == 0) return std::nullopt;
  return event.trace.model->pid_of_peer(*file, event.trace.thread->pid);
}

constexpr Field text(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Text, .help = help};
}
constexpr Field a_number(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Number, .help = help};
}
template <auto kAccessor>
constexpr Field with(Field field) {
  return with_accessor<ShownEvent, kAccessor>(field);
}

constexpr std::array kFields = {
    with<number>(a_number("fd.num", "the descriptor")),
    with<type>(text("fd.type",
                    "file directory ipv4 ipv6 unix pipe event signalfd eventpoll inotify timerfd netlink")),
    with<letter>(text("fd.typechar", "its letter: f d 4 6 u p e s l i t n")),
    with<name>(text("fd.name", "the path, or both ends of a connection")),
    with<file_name>(text("fd.filename", "a file's name without its directory")),
    with<directory>(text("fd.directory", "a file's directory")),
    with<inode>(a_number("fd.ino", "the inode")),
    with<device>(text("fd.dev", "the device, in hexadecimal")),
    with<family>(text("fd.sockfamily", "of a socket: ip or unix")),
    with<protocol>(text("fd.l4proto", "of a socket: tcp or udp")),
    with<serves>({.name = "fd.is_server",
                  .type = FieldType::Name,
                  .help = "whether the socket listens",
                  .names = kBooleans}),
    with<ip>(text("fd.ip", "the address of either end")),
    with<client_ip>(text("fd.cip", "the client's address")),
    with<server_ip>(text("fd.sip", "the server's address")),
    with<port>(a_number("fd.port", "the port of either end")),
    with<client_port>(a_number("fd.cport", "the client's port")),
    with<server_port>(a_number("fd.sport", "the server's port")),
    with<open_uid>(
        a_number("fd.open.uid", "the effective user id that opened it, if the capture has seen that")),
    with<open_time>({.name = "fd.open.time",
                     .type = FieldType::Time,
                     .help = "when it was opened, if the capture has seen that"}),
    with<open_pid>(a_number("fd.open.pid", "the process that opened it, if the capture has seen that")),
    with<peer_pid>(a_number("fd.peer.pid", "the process at the other end of an AF_UNIX connection")),
    with<pipe_slots>(a_number("pipe.slots", "the slots of the pipe that are in use")),
    with<pipe_fill>(a_number("pipe.fill", "these in percent of all")),
    with<pipe_readers>(a_number("pipe.readers", "the descriptors that can read from it")),
    with<pipe_offset>(a_number("pipe.offset",
                               "of the end of a read or write: the offset of its first byte in the pipe, "
                               "since the recording began")),
    with<pipe_writers>(a_number("pipe.writers", "the descriptors that can write to it")),
};

}  // namespace

std::span<const Field> fd_fields() {
  return kFields;
}

}  // namespace slurper
