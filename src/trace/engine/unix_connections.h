// UnixConnections: which two AF_UNIX sockets talk to each other, under numbers that do not repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace/engine/event.h"

namespace slurper {

// What is known of a connection. An end's number is its socket's inode, if it has one when the connection is
// first seen, else a serial number above all inodes; it stays for the connection's life.
struct UnixConnection {
  std::uint64_t server = 0;
  std::uint64_t client = 0;
  std::string path;  // of the listening socket; "@name" if it is abstract
};

// The kernel reuses the addresses of sockets at once, and their inodes in time. So a socket counts as known
// only while both agree. Takes objects in the order in which their calls ended. For one thread.
class UnixConnections {
 public:
  // Which end of the connection the object is.
  enum class Side : std::uint8_t {
    Unknown,
    Server,  // accept(2) made it
    Client,  // connect(2) was called on it
    First,   // of socketpair(2)
  };

  // The connection of the socket; nullptr if it has none. `bound` is the path that the kernel gave for it.
  const UnixConnection* find(const TraceObject& object, Side side, std::string_view bound);

  // The socket was closed by its last holder, as far as is known.
  void forget(const TraceObject& object);

 private:
  struct End {
    std::uint64_t ino = 0;
    std::uint64_t key = 0;
    std::uint64_t number = 0;
  };
  struct Known {
    End server;
    End client;
    UnixConnection shown;
  };

  Known* known(const TraceObject& object, Side side);
  std::size_t add(const TraceObject& object, Side side, std::string_view bound);
  std::uint64_t number_of(std::uint64_t ino);

  std::vector<Known> connections_;
  std::unordered_map<std::uint64_t, std::size_t> by_ino_;
  std::unordered_map<std::uint64_t, std::size_t> by_key_;
  // Above all inodes of sockets, which have 32 bits.
  std::uint64_t next_serial_ = 10'000'000'001;
};

// The path of a socket address as it is shown: an abstract name, which begins with a NUL, with an @, and what
// is unprintable in it as \xNN.
[[nodiscard]] std::string unix_path_text(std::string_view bound);

}  // namespace slurper
