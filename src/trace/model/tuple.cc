#include "trace/model/tuple.h"

#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstring>

#include "trace/scap/byte_cursor.h"

namespace slurper {

namespace {

// A path ends with its NUL; one in the abstract namespace begins with one, and has its other bytes as they
// are.
std::string_view path_in(std::string_view value) {
  if (value.starts_with('\0') && value.size() > 1) return value;
  return value.substr(0, value.find('\0'));
}

void append_path(std::string& out, std::string_view value) {
  std::string_view path = path_in(value);
  if (!path.starts_with('\0')) {
    out += path;
    return;
  }
  path.remove_prefix(1);
  if (path.ends_with('\0')) path.remove_suffix(1);
  out += '@';
  out += path;
}

void append_hexadecimal(std::string& out, std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  out.append(digits.data(), end);
}

IpEnd take_end(ByteCursor& cursor, bool is_v6) {
  IpEnd end;
  const std::string_view bytes = cursor.take_bytes(is_v6 ? 16 : 4);
  std::memcpy(end.address.data(), bytes.data(), bytes.size());
  end.port = cursor.take<std::uint16_t>();
  return end;
}

void append_end(std::string& out, const IpEnd& end, bool is_v6) {
  append_address(out, end, is_v6);
  out += ':';
  out += std::to_string(end.port);
}

}  // namespace

void append_sockaddr(std::string& out, std::string_view value) {
  ByteCursor cursor(value);
  const auto family = cursor.take<std::uint8_t>();
  if (family == AF_UNIX) {
    append_path(out, cursor.rest());
  } else if (family == AF_INET || family == AF_INET6) {
    const IpEnd end = take_end(cursor, family == AF_INET6);
    if (cursor.good()) append_end(out, end, family == AF_INET6);
  }
}

void append_tuple(std::string& out, std::string_view value) {
  ByteCursor cursor(value);
  const auto family = cursor.take<std::uint8_t>();
  if (family == AF_UNIX) {
    const auto source = cursor.take<std::uint64_t>();
    const auto target = cursor.take<std::uint64_t>();
    if (!cursor.good()) return;
    append_hexadecimal(out, source);
    out += "->";
    append_hexadecimal(out, target);
    if (!cursor.rest().empty()) out += ' ';
    append_path(out, cursor.rest());
  } else if (family == AF_INET || family == AF_INET6) {
    const IpEnd client = take_end(cursor, family == AF_INET6);
    const IpEnd server = take_end(cursor, family == AF_INET6);
    if (!cursor.good()) return;
    append_end(out, client, family == AF_INET6);
    out += "->";
    append_end(out, server, family == AF_INET6);
  }
}

bool set_tuple(OpenFile& file, std::string_view tuple) {
  ByteCursor cursor(tuple);
  const auto family = cursor.take<std::uint8_t>();
  std::string name;
  append_tuple(name, tuple);
  if (name.empty()) return false;
  if (family == AF_UNIX) {
    file.type = FdType::Unix;
    file.unix_source = cursor.take<std::uint64_t>();
    file.unix_target = cursor.take<std::uint64_t>();
  } else {
    file.type = family == AF_INET6 ? FdType::IPv6 : FdType::IPv4;
    file.client = take_end(cursor, family == AF_INET6);
    file.server = take_end(cursor, family == AF_INET6);
    file.has_ends = file.has_server = file.protocol_is_shown = true;
  }
  file.name = std::move(name);
  return true;
}

bool set_target(OpenFile& file, std::string_view sockaddr) {
  ByteCursor cursor(sockaddr);
  const auto family = cursor.take<std::uint8_t>();
  if (family != AF_INET && family != AF_INET6) return false;
  file.server = take_end(cursor, family == AF_INET6);
  file.has_server = cursor.good();
  return file.has_server;
}

bool set_address(OpenFile& file, std::string_view sockaddr) {
  std::string name;
  append_sockaddr(name, sockaddr);
  if (name.empty()) return false;
  ByteCursor cursor(sockaddr);
  const auto family = cursor.take<std::uint8_t>();
  if (family != AF_UNIX) {
    file.type = family == AF_INET6 ? FdType::IPv6Server : FdType::IPv4Server;
    file.server = take_end(cursor, family == AF_INET6);
    file.has_ends = file.has_server = file.protocol_is_shown = true;
  }
  file.name = std::move(name);
  return true;
}

}  // namespace slurper
