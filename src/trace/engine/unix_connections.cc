#include "trace/engine/unix_connections.h"

#include <utility>

#include "base/text.h"

namespace slurper {

std::string unix_path_text(std::string_view bound) {
  if (bound.empty()) return {};
  if (bound.front() != '\0') return std::string(bound.substr(0, bound.find('\0')));
  std::string text = "@";
  for (const char byte : bound.substr(1)) {
    if (byte >= ' ' && byte < 0x7f) {
      text.push_back(byte);
    } else {
      append_hex(std::string_view(&byte, 1), text);
    }
  }
  return text;
}

std::uint64_t UnixConnections::number_of(std::uint64_t ino) {
  return ino != 0 ? ino : next_serial_++;
}

// The end that is not this one must fit, too: of a reused address or inode, it does not.
UnixConnections::Known* UnixConnections::known(const TraceObject& object, Side side) {
  const auto fits = [&](const End& own, const End& other) {
    if (own.key != object.local.key) return false;
    // Before accept(2), nothing else is known of a new connection. One that has its addresses, and whose
    // client had no inode, is older, and was closed unseen.
    if (side == Side::Client && own.ino == 0 && object.local.peer_ino == 0) return false;
    if (own.ino != 0 && own.ino != object.ino) return false;
    if (object.local.peer_key != 0 && other.key != object.local.peer_key) return false;
    return object.local.peer_ino == 0 || other.ino == 0 || other.ino == object.local.peer_ino;
  };
  const auto look = [&](const auto& index, std::uint64_t at) -> Known* {
    const auto found = index.find(at);
    if (at == 0 || found == index.end()) return nullptr;
    Known& connection = connections_[found->second];
    if (fits(connection.client, connection.server)) {
      connection.client.ino = object.ino;
      return &connection;
    }
    if (!fits(connection.server, connection.client)) return nullptr;
    connection.server.ino = object.ino;
    return &connection;
  };
  if (Known* const by_ino = look(by_ino_, object.ino)) return by_ino;
  return look(by_key_, object.local.key);
}

std::size_t UnixConnections::add(const TraceObject& object, Side side, std::string_view bound) {
  End own{.ino = object.ino, .key = object.local.key, .number = object.ino};
  End peer{.ino = object.local.peer_ino, .key = object.local.peer_key, .number = 0};
  peer.number = number_of(peer.ino);
  // Without a witness of its beginning: the end with the lower inode came first, as the server's seldom does.
  const bool is_client =
      side == Side::Client || (side == Side::Unknown && peer.ino != 0 && own.ino < peer.ino);
  Known known{.server = is_client ? peer : own, .client = is_client ? own : peer, .shown = {}};
  known.shown = {.server = known.server.number, .client = known.client.number, .path = unix_path_text(bound)};
  const std::size_t index = connections_.size();
  connections_.push_back(std::move(known));
  for (const End& end : {own, peer}) {
    if (end.ino != 0) by_ino_[end.ino] = index;
    by_key_[end.key] = index;
  }
  return index;
}

const UnixConnection* UnixConnections::find(const TraceObject& object, Side side, std::string_view bound) {
  // A socket that was never connected, or receives datagrams from many.
  if (object.kind != ObjectUnix || object.local.peer_key == 0) return nullptr;
  Known* connection = side == Side::First ? nullptr : known(object, side);
  if (connection == nullptr) connection = &connections_[add(object, side, bound)];
  by_ino_[object.ino] = static_cast<std::size_t>(connection - connections_.data());
  if (connection->shown.path.empty()) connection->shown.path = unix_path_text(bound);
  return &connection->shown;
}

void UnixConnections::forget(const TraceObject& object) {
  by_ino_.erase(object.ino);
}

}  // namespace slurper
