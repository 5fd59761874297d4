// OpenFile: what is behind a descriptor. Descriptors that were duplicated or inherited share one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "trace/scap/format.h"

namespace slurper {

// An end of an IP socket's connection; IPv4 uses the first four bytes.
struct IpEnd {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
};

// The state of a pipe when slurper recorded it last.
struct PipeState {
  bool is_known = false;
  std::uint32_t slots = 0;
  std::uint32_t slots_at_most = 0;
  std::uint32_t readers = 0;
  std::uint32_t writers = 0;
};

struct OpenFile {
  explicit OpenFile(FdType its_type = FdType::Unknown, std::string its_name = {})
      : type(its_type), name(std::move(its_name)) {}

  FdType type;
  std::string name;
  std::uint64_t inode = 0;
  std::uint32_t device = 0;
  std::uint8_t protocol = 0;  // kTcp, kUdp
  bool protocol_is_shown = true;
  bool has_ends = false;    // `client` and `server`
  bool has_server = false;  // `server`
  IpEnd client;
  IpEnd server;
  std::uint64_t unix_source = 0;  // both ends of an AF_UNIX connection
  std::uint64_t unix_target = 0;

  PipeState pipe{};
  // What it was opened for; neither of a descriptor whose opening the capture does not have.
  bool is_for_reading = false;
  bool is_for_writing = false;
  bool is_nonblocking = false;
  bool is_pipe = false;      // also a FIFO whose type is that of a file, for it was opened here
  bool is_datagram = false;  // a socket that was made here
  bool is_packet = false;    // what is written to it are packets: O_DIRECT, pipe(2)

  // The story of the descriptor, as far as the capture has it.
  bool was_opened_here = false;
  std::uint64_t opened_at = 0;  // nanoseconds since 1970
  std::uint32_t opener_uid = 0;
  std::int64_t opener_pid = 0;
  std::string opener;
};

using OpenFilePointer = std::shared_ptr<OpenFile>;

// sysdig's word and letter for a type; the word is empty for what it has none for.
[[nodiscard]] std::string_view type_name(FdType type);
[[nodiscard]] char type_letter(FdType type);
[[nodiscard]] inline bool is_ip(FdType type) {
  return type >= FdType::IPv4 && type <= FdType::IPv6Server;
}
[[nodiscard]] inline bool is_server(FdType type) {
  return type == FdType::IPv4Server || type == FdType::IPv6Server;
}

// "1.2.3.4", "fe80::1"
void append_address(std::string& out, const IpEnd& end, bool is_v6);

// "1.2.3.4:80->5.6.7.8:90", or "0.0.0.0:80" of a server.
[[nodiscard]] std::string name_of_ends(const OpenFile& file);

}  // namespace slurper
